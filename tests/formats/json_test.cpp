#include <gtest/gtest.h>

#include <limits>

#include "alphaprune/formats/json.hpp"
#include "faults_of.hpp"

namespace alphaprune::test {
namespace {

std::string faults(std::string_view text) {
    const std::string faults = faults_of([&] { formats::Json::parse(text, "config.json"); });
    EXPECT_TRUE(has(faults, "config.json")) << faults;
    return faults;
}

TEST(Json, ReadsEveryKindOfValue) {
    const formats::Json json = formats::Json::parse(
        R"( {"null": null, "yes": true, "no": false, "whole": -7, "real": 2.5, "text": "a\"\u00e9",
             "array": [1, [2], {}], "object": {"inner": 1}} )",
        "config.json");
    ASSERT_TRUE(json.is_object());
    EXPECT_EQ(json.members().size(), 8U);
    EXPECT_TRUE(json.find("null")->is_null());
    EXPECT_EQ(json.find("yes")->as_bool(), true);
    EXPECT_EQ(json.find("no")->as_bool(), false);
    EXPECT_EQ(json.find("whole")->as_integer(), -7);
    EXPECT_EQ(json.find("whole")->as_number(), -7.0);
    EXPECT_EQ(json.find("real")->as_number(), 2.5);
    EXPECT_EQ(json.find("text")->as_string(), "a\"\xc3\xa9");
    ASSERT_EQ(json.find("array")->elements().size(), 3U);
    EXPECT_EQ(json.find("array")->elements()[1].elements()[0].as_integer(), 2);
    EXPECT_TRUE(json.find("array")->elements()[2].is_object());
    EXPECT_EQ(json.find("object")->find("inner")->as_integer(), 1);
}

TEST(Json, KeepsTheOrderOfMembers) {
    const formats::Json json = formats::Json::parse(R"({"z":1,"a":2,"m":3,"":4})", "x");
    std::string names;
    for (const auto& [name, value] : json.members()) {
        names += name + ",";
    }
    EXPECT_EQ(names, "z,a,m,,");
}

TEST(Json, GivesNothingForAnotherKind) {
    const formats::Json json = formats::Json::parse(R"({"real": 1.0, "text": "1"})", "x");
    EXPECT_FALSE(json.find("real")->as_integer());
    EXPECT_FALSE(json.find("real")->as_bool());
    EXPECT_FALSE(json.find("real")->as_string());
    EXPECT_FALSE(json.find("text")->as_number());
    EXPECT_TRUE(json.find("text")->elements().empty());
    EXPECT_TRUE(json.find("text")->members().empty());
    EXPECT_EQ(json.find("text")->find("x"), nullptr);
    EXPECT_EQ(json.find("absent"), nullptr);
}

TEST(Json, WholeNumbersKeepAll63Bits) {
    EXPECT_EQ(formats::Json::parse("9223372036854775807", "x").as_integer(),
              std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(formats::Json::parse("-9223372036854775808", "x").as_integer(),
              std::numeric_limits<std::int64_t>::min());
    for (const char* beyond : {"9223372036854775808", "18446744073709551616"}) {
        const formats::Json json = formats::Json::parse(beyond, "x");
        EXPECT_FALSE(json.is_integer());
        EXPECT_TRUE(json.is_number());
        EXPECT_EQ(json.as_number(), std::stod(beyond));
    }
    EXPECT_EQ(formats::Json(std::uint64_t{5}).as_integer(), 5);
}

TEST(Json, WholeNumbersThatAreNotNegativeKeepAll64Bits) {
    constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
    for (const std::uint64_t value : {std::uint64_t{0}, kHalf - 1, kHalf, kHalf + 1, kLargest}) {
        EXPECT_EQ(formats::Json(value).as_unsigned(), value);
        EXPECT_EQ(formats::Json::parse(std::to_string(value), "x").as_unsigned(), value);
        EXPECT_EQ(formats::Json(value).is_integer(), value < kHalf);
        EXPECT_EQ(formats::Json(value).as_integer().has_value(), value < kHalf);
    }
    EXPECT_EQ(formats::Json(kLargest).as_number(), 0x1p64);
    for (const char* other : {"-1", "1.0", "18446744073709551616", "true", "\"1\"", "null"}) {
        EXPECT_FALSE(formats::Json::parse(other, "x").as_unsigned()) << other;
    }
}

TEST(Json, RefusesWhatIsNotJson) {
    for (const char* text : {"", " ", "{", "[1,]", "{\"a\":1,}", "nul", "01", "+1", "NaN", "'a'",
                             "{a:1}", "[] []", "// c\n1", "\"\x01\"", "\"\\ud800\"", "1e999"}) {
        EXPECT_TRUE(has(faults(text), "not JSON")) << text;
    }
}

TEST(Json, RefusesBytesThatAreNotUtf8AndZeroBytes) {
    EXPECT_TRUE(has(faults("\"\xff\""), "not JSON"));
    EXPECT_TRUE(has(faults("\"\xc0\xaf\""), "not JSON"));
    EXPECT_TRUE(has(faults(std::string_view("{}\0{}", 5)), "byte 2 is zero"));
}

TEST(Json, SaysWhereTheTextIsBroken) {
    const std::string text = faults("{\n  \"a\": 1,\n  \"b\" 2\n}");
    EXPECT_TRUE(has(text, "line 3")) << text;
    EXPECT_FALSE(has(text, "json.exception")) << text;
}

TEST(Json, ErrorsAreShortAndPrintable) {
    const std::string text = faults("\"" + std::string(100000, 'x') + "\x1b");
    EXPECT_LT(text.size(), 600U);
    EXPECT_EQ(text.find('\x1b'), text.npos);
}

TEST(Json, RefusesMembersGivenTwice) {
    const std::string text = faults(R"({"a":1,"b":{"c":1,"d":2,"c":3},"a":[{"e":1,"e":1}]})");
    EXPECT_TRUE(has(text, "\"a\" is given more than once")) << text;
    EXPECT_TRUE(has(text, "\"c\" is given more than once")) << text;
    EXPECT_TRUE(has(text, "\"e\" is given more than once")) << text;
    EXPECT_FALSE(has(text, "\"d\"")) << text;
    EXPECT_NO_THROW(formats::Json::parse(R"([{"a":1},{"a":1}])", "x"));
    EXPECT_TRUE(has(faults(R"({"ab":1,"\u0061b":1})"), "\"ab\""));
}

TEST(Json, RefusesNestingDeeperThan64) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_NO_THROW(formats::Json::parse(nested(64), "x"));
    EXPECT_TRUE(has(faults(nested(65)), "deeper than 64"));
    EXPECT_TRUE(has(faults(std::string(1000000, '[')), "deeper than 64"));
    EXPECT_NO_THROW(formats::Json::parse("[" + nested(63) + "," + nested(63) + "]", "x"));
}

TEST(Json, RefusesMoreValuesThanADocumentHas) {
    std::string text = "[0";
    for (int i = 0; i < 10'000'000; ++i) {
        text += ",0";
    }
    EXPECT_TRUE(has(faults(text + "]"), "more than 10000000 values"));
}

}  // namespace
}  // namespace alphaprune::test
