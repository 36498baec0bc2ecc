#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "alphaprune/formats/json.hpp"
#include "faults_of.hpp"

namespace alphaprune::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

formats::Json python(std::string_view text) {
    return formats::Json::parse(text, "config.json", formats::JsonDialect::python);
}

TEST(PythonJson, NamesOfNumbersThatAreNone) {
    const formats::Json json =
        python(R"([Infinity,-Infinity ,NaN, {"Infinity":Infinity}, "NaN", 7])");
    ASSERT_EQ(json.elements().size(), 6U);
    EXPECT_EQ(json.elements()[0].as_number(), kInfinity);
    EXPECT_EQ(json.elements()[1].as_number(), -kInfinity);
    EXPECT_TRUE(std::isnan(json.elements()[2].as_number().value()));
    EXPECT_FALSE(json.elements()[2].as_integer());
    EXPECT_EQ(json.elements()[3].find("Infinity")->as_number(), kInfinity);
    EXPECT_EQ(json.elements()[4].as_string(), "NaN");
    EXPECT_EQ(json.elements()[5].as_integer(), 7);
}

TEST(PythonJson, NumbersBefore) {
    const formats::Json json = python("[1, -2.5e3, NaN, \"-3\", 4, \"a\\\"5\", Infinity, 6]");
    EXPECT_TRUE(std::isnan(json.elements()[2].as_number().value()));
    EXPECT_EQ(json.elements()[4].as_number(), 4);
    EXPECT_EQ(json.elements()[6].as_number(), kInfinity);
    EXPECT_EQ(json.elements()[7].as_number(), 6);
}

TEST(PythonJson, NumbersBeyondDouble) {
    EXPECT_EQ(python("1e999").as_number(), kInfinity);
    EXPECT_EQ(python("-1E400").as_number(), -kInfinity);
    EXPECT_EQ(python("1e-999").as_number(), 0.0);
    EXPECT_EQ(python(std::string(400, '9')).as_number(), kInfinity);
    EXPECT_EQ(python("[" + std::string(400, '9') + ".5]").elements()[0].as_number(), kInfinity);
    EXPECT_EQ(python("123456789012345678901234567890").as_number(),
              123456789012345678901234567890.);
    EXPECT_EQ(python(std::string(4300, '1')).as_number(), kInfinity);
    EXPECT_TRUE(has(faults_of([] { python(std::string(4301, '1')); }), "not JSON"));
}

TEST(PythonJson, HalfASurrogatePairIsACharacter) {
    EXPECT_EQ(python(R"("a\ud800b")").as_string(),
              "a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(python(R"("\udc00")").as_string(), "\xEF\xBF\xBD");
    EXPECT_EQ(python(R"("\ud800\u0041")").as_string(),
              "\xEF\xBF\xBD"
              "A");
    EXPECT_EQ(python(R"("\uD83D\uDE00")").as_string(), "\xF0\x9F\x98\x80");
    EXPECT_EQ(python(R"("\ud800\uD83D\uDE00")").as_string(), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
    EXPECT_EQ(python(R"("\\ud800")").as_string(), "\\ud800");
    EXPECT_EQ(python(R"({"\ud800": 1})").members()[0].first, "\xEF\xBF\xBD");
}

TEST(PythonJson, OfMembersNamedTwiceTheLastCountsInTheFirstPlace) {
    const formats::Json json =
        python(R"({"a": 1, "b": {"x": 1, "x": {"y": 3}}, "a": 2, "c": 4, "a": 5})");
    EXPECT_EQ(json.dump(-1), R"({"a":5,"b":{"x":{"y":3}},"c":4})");
}

TEST(PythonJson, RefusesWhatPythonRefuses) {
    for (const char* text : {"-NaN",     "nan",      "infinity", "+Infinity",   "Infinit",
                             "-Infinit", "01",       "1.",       ".5",          "-",
                             "[1,]",     "// c\n1",  "[1] x",    "-Infinity1",  "InfinityNaN",
                             "[NaNNaN]", "1NaN",     "1e9NaN",   "01e999",      "1.e999",
                             "1e999.",   "{NaN:1}",  "trueNaN",  "\"\\x41\"",   "\"\\ud83d\\u\"",
                             "{}NaN",    "\"\x01\"", "",         "\"\\u00g0\"", "\"\\ud800",
                             "\"\\"}) {
        EXPECT_TRUE(has(faults_of([&] { python(text); }), "not JSON")) << text;
    }
    EXPECT_TRUE(has(faults_of([] { python("\xEF\xBB\xBF{}"); }), "byte order mark"));
    EXPECT_TRUE(has(faults_of([] { python(std::string_view("{}\0", 3)); }), "byte 2 is zero"));
    EXPECT_TRUE(has(faults_of([] { python("\"\xff\""); }), "not JSON"));
    EXPECT_TRUE(has(faults_of([] { python(std::string(1000000, '[')); }), "deeper than 64"));
}

TEST(PythonJson, ErrorsStandOnTheRightLine) {
    EXPECT_TRUE(has(faults_of([] { python("{\n\"a\": Infinity,\n\"b\" 2\n}"); }), "line 3"));
}

TEST(PythonJson, IsNotWhatEverythingElseIsReadBy) {
    for (const char* text : {"NaN", "[Infinity]", "1e999", R"("\ud800")", R"({"a":1,"a":1})"}) {
        EXPECT_FALSE(faults_of([&] { formats::Json::parse(text, "report.json"); }).empty()) << text;
    }
}

}  // namespace
}  // namespace alphaprune::test
