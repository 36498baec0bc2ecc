#include "alphaprune/formats/json_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace alphaprune::formats {
namespace {

std::string without_q(std::string_view text) {
    constexpr std::array<std::string_view, 2> kNames{"q", "old"};
    return without_members(text, kNames);
}

TEST(JsonText, MembersGoAndEverythingElseStaysAsItIs) {
    EXPECT_EQ(without_q(R"({"a": 1e-05, "q": {"x": [1, "}"]}, "b": Infinity})"),
              R"({"a": 1e-05, "b": Infinity})");
    EXPECT_EQ(without_q("{\n  \"q\": {},\n  \"b\": [1,  2]\n}\n"), "{\n  \"b\": [1,  2]\n}\n");
    EXPECT_EQ(without_q("{\n  \"b\": 2,\n  \"q\": null\n}\n"), "{\n  \"b\": 2\n}\n");
    EXPECT_EQ(without_q(R"({"q": 1, "old": 2, "q": 3})"), "{}");
    EXPECT_EQ(without_q(R"({"a":1,"q":[],"old":-2,"b":"q"})"), R"({"a":1,"b":"q"})");
}

TEST(JsonText, InTheObjectAndInThoseInsideIt) {
    EXPECT_EQ(without_q(R"({"text": {"q": {"w": 1}, "n": 2}, "z": 0})"),
              R"({"text": { "n": 2}, "z": 0})");
    EXPECT_EQ(without_q(R"({"a": {"b": {"q": 1}}, "l": [{"q": 1}]})"),
              R"({"a": {"b": {"q": 1}}, "l": [{"q": 1}]})");
}

TEST(JsonText, QuotesAndBracketsInTextsMeanNothing) {
    EXPECT_EQ(without_q(R"({"s\"{": "\\", "q": "}\"", "t": "{\"q\": 1}"})"),
              R"({"s\"{": "\\", "t": "{\"q\": 1}"})");
}

TEST(JsonText, WhatHasNoneIsUnchanged) {
    for (const std::string text :
         {"{}", "{ }", " {\"a\" : 1 } \n", "[{\"q\": 1}]", "\"{q}\"", "3"}) {
        EXPECT_EQ(without_q(text), text);
    }
}

}  // namespace
}  // namespace alphaprune::formats
