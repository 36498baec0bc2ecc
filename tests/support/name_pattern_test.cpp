#include "alphaprune/support/name_pattern.hpp"

#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "alphaprune/support/error.hpp"

namespace alphaprune {
namespace {

bool found(const std::string& pattern, const std::string& name) {
    return NamePattern(pattern).found_in(name);
}

TEST(NamePattern, FindsWhatUsersWrite) {
    const std::string name = "model.layers.12.mlp.experts.3.w1.weight";
    for (const char* pattern :
         {"mlp", "layers\\.12\\.", "^model\\.", "weight$", "experts\\.\\d+\\.w[13]", "(gate|mlp)",
          "layers\\.(1[0-9]|2[0-3])\\.", "a.*?w1", "[^.]+\\.weight", "\\bw1\\b", "e{1,2}",
          "(?:x|w1)", "x*", "l(a|y|e|r)+s", "\\w+\\W\\d{2}", "[\\d]\\.w", "[-.]w1", "ex?perts"}) {
        EXPECT_TRUE(found(pattern, name)) << pattern;
    }
    for (const char* pattern : {"MLP", "^layers", "layers$", "layers\\.1\\.", "\\Bw1\\B",
                                "[a-c]{4}", "^$", "mlp\\.gate", "\\d{3}", "(x|y)z"}) {
        EXPECT_FALSE(found(pattern, name)) << pattern;
    }
}

/// Small patterns over small names, as std::regex has them.
TEST(NamePattern, AgreesWithTheStandardLibrary) {
    std::mt19937 draw(7);
    const auto one_of = [&](const auto& choices) { return choices[draw() % std::size(choices)]; };
    const std::string_view atoms[] = {"a",        "b",   ".", "[ab]", "[^a]", "(a|b)", "(ab)",
                                      "(?:b|ab)", "\\w", "^", "$",    "\\b",  "(a*)",  "(a|b*)"};
    const std::string_view counts[] = {"", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "*?"};
    for (int round = 0; round < 3000; ++round) {
        std::string pattern;
        for (std::size_t part = draw() % 4 + 1; part > 0; --part) {
            const std::string_view atom = one_of(atoms);
            const bool repeatable = atom != "^" && atom != "$" && atom != "\\b";
            pattern += std::string(atom) + std::string(repeatable ? one_of(counts) : "");
            pattern += draw() % 8 == 0 && part > 1 ? "|" : "";
        }
        std::string name;
        for (std::size_t length = draw() % 7; length > 0; --length) {
            name += "abc"[draw() % 3];
        }
        ASSERT_EQ(found(pattern, name), std::regex_search(name, std::regex(pattern)))
            << pattern << " in '" << name << "'";
    }
}

TEST(NamePattern, LongNamesAndHardPatternsCostLittle) {
    const std::string name(1'000'000, 'a');
    EXPECT_FALSE(found("(a*)*b", name));
    EXPECT_FALSE(found("(a|aa)+$b", name));
    EXPECT_TRUE(found(".*a$", name));
    EXPECT_TRUE(found("a{1000}", name));
}

TEST(NamePattern, WhatIsNotUnderstoodIsNamed) {
    for (const char* pattern :
         {"(", ")", "a)", "[a", "*a", "a|*", "\\", "a{", "a{2", "a{2,1}", "a{x}", "a{2000}", "\\q",
          "(?=a)", "[z-a]", "(a{100}){100}", "\\1"}) {
        try {
            const NamePattern refused(pattern);
            ADD_FAILURE() << pattern;
        } catch (const Error& error) {
            EXPECT_EQ(error.status(), ExitStatus::bad_request);
            EXPECT_NE(error.faults().front().what.find(pattern), std::string::npos);
        }
    }
    EXPECT_THROW(NamePattern(std::string(100, '(') + std::string(100, ')')), Error);
    EXPECT_THROW(NamePattern(std::string(100'000, '(')), Error);
}

}  // namespace
}  // namespace alphaprune
