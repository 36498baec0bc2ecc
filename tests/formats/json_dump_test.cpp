#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::test {
namespace {

std::string line(const formats::Json& json) {
    return json.dump(-1);
}

TEST(JsonDump, WritesEveryKindOfValue) {
    const formats::Json json(formats::Json::Object{
        {"null", nullptr},
        {"yes", true},
        {"no", false},
        {"whole", -7},
        {"text", "a"},
        {"empty", formats::Json::Array{}},
        {"none", formats::Json::Object{}},
        {"list", formats::Json::Array{1, "b", formats::Json::Object{{"c", 2.5}}}}});
    EXPECT_EQ(line(json),
              R"({"null":null,"yes":true,"no":false,"whole":-7,"text":"a","empty":[],"none":{},)"
              R"("list":[1,"b",{"c":2.5}]})");
}

TEST(JsonDump, Indents) {
    const formats::Json json(formats::Json::Object{
        {"a", formats::Json::Array{1, 2}},
        {"b",
         formats::Json::Array{formats::Json::Object{{"c", 1}, {"d", formats::Json::Array{}}}, 3}},
        {"e", formats::Json::Object{}},
    });
    EXPECT_EQ(json.dump(2),
              "{\n"
              "  \"a\": [1, 2],\n"
              "  \"b\": [\n"
              "    {\n"
              "      \"c\": 1,\n"
              "      \"d\": []\n"
              "    },\n"
              "    3\n"
              "  ],\n"
              "  \"e\": {}\n"
              "}");
}

TEST(JsonDump, EscapesStrings) {
    EXPECT_EQ(line("\"\\/\b\f\n\r\t"), R"("\"\\/\b\f\n\r\t")");
    EXPECT_EQ(line(std::string("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
    EXPECT_EQ(line("\xc3\xa9\xf0\x9f\x8d\x8e"), "\"\xc3\xa9\xf0\x9f\x8d\x8e\"");
    EXPECT_EQ(line(formats::Json::Object{{"a\"b", 1}}), R"({"a\"b":1})");
}

TEST(JsonDump, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(line("a\xff"
                   "b"),
              "\"a\xef\xbf\xbd"
              "b\"");
    EXPECT_EQ(line("cut \xc3"), "\"cut \xef\xbf\xbd\"");
    EXPECT_EQ(line(formats::Json::Object{{"\x80", 1}}), "{\"\xef\xbf\xbd\":1}");
}

TEST(JsonDump, WritesWhatIsNotFiniteAsNull) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(line(formats::Json::Array{std::nan(""), kInfinity, -kInfinity, 1.5}),
              "[null,null,null,1.5]");
}

TEST(JsonDump, WritesTheShortestDigitsThatReadBack) {
    EXPECT_EQ(line(0.1), "0.1");
    EXPECT_EQ(line(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(line(1.0), "1.0");
    EXPECT_EQ(line(-0.0), "-0.0");
    EXPECT_EQ(line(1e300), "1e+300");
    EXPECT_EQ(line(5e-324), "5e-324");
}

TEST(JsonDump, DoublesReadBackBitForBit) {
    std::mt19937_64 bits(7);
    for (int i = 0; i < 20000; ++i) {
        const auto value = std::bit_cast<double>(bits());
        if (std::isfinite(value)) {
            const formats::Json back = formats::Json::parse(line(value), "x");
            ASSERT_FALSE(back.is_integer());
            ASSERT_EQ(std::bit_cast<std::uint64_t>(*back.as_number()),
                      std::bit_cast<std::uint64_t>(value));
        }
    }
}

TEST(JsonDump, ReadsBackWhatItWrote) {
    const std::string text =
        R"({"a":[1,2.5,"x\n",null,true,{"b":[[],{}]}],"c":-9223372036854775808,"d":"\u0000",)"
        R"("e":18446744073709551615})";
    EXPECT_EQ(line(formats::Json::parse(text, "x")), text);
    EXPECT_EQ(line(formats::Json::parse(formats::Json::parse(text, "x").dump(4), "y")), text);
}

}  // namespace
}  // namespace alphaprune::test
