#include "alphaprune/model/matrix_choice.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/error.hpp"

namespace alphaprune::model {
namespace {

bool found(const std::string& pattern, const std::string& name) {
    return NamePattern(pattern).found_in(name);
}

TEST(NamePattern, FindsWhatUsersWrite) {
    const std::string name = "model.layers.12.mlp.experts.3.w1.weight";
    for (const char* pattern :
         {"mlp", "layers\\.12\\.", "^model\\.", "weight$", "experts\\.\\d+\\.w[13]", "(gate|mlp)",
          "layers\\.(1[0-9]|2[0-3])\\.", "a.*?w1", "[^.]+\\.weight", "\\bw1\\b", "e{1,2}",
          "(?:x|w1)", "x*", "l(a|y|e|r)+s", "\\w+\\W\\d{2}", "^(?!.*gate)"}) {
        EXPECT_TRUE(found(pattern, name)) << pattern;
    }
    for (const char* pattern : {"MLP", "^layers", "layers$", "layers\\.1\\.", "\\Bw1\\B",
                                "[a-c]{4}", "^$", "mlp\\.gate", "\\d{3}", "(x|y)z"}) {
        EXPECT_FALSE(found(pattern, name)) << pattern;
    }
}

TEST(NamePattern, TakesAnyBytesAsAName) {
    EXPECT_TRUE(found("a.b", std::string("a\0b", 3)));
    EXPECT_TRUE(found("\\xff", "x\xff"));
}

/// Hostile names and patterns end in an error, not in a search without end.
TEST(NamePattern, GivesUpWhatTakesTooLong) {
    EXPECT_THROW(found("(a|aa)+$", std::string(10'000, 'a') + "c"), support::Error);
    EXPECT_THROW(NamePattern(std::string(100'000, 'a')), support::Error);
    EXPECT_TRUE(found(".*a$", std::string(100'000, 'a')));
}

TEST(NamePattern, WhatIsNotUnderstoodIsNamed) {
    for (const char* pattern : {"(", "a)", "[a", "*a", "\\", "a{2,1}", "[z-a]"}) {
        try {
            const NamePattern refused(pattern, "--include");
            ADD_FAILURE() << pattern;
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            EXPECT_EQ(error.faults().front().where, "--include");
            EXPECT_NE(error.faults().front().what.find(pattern), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace alphaprune::model
