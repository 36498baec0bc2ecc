#include "model/tokens/tokenizer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace alphaprune::test {
namespace {

std::string encoded(std::uint32_t code) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
        return {static_cast<char>(code)};
    }
    if (code < 0x800) {
        return {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
    }
    if (code < 0x10000) {
        return {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
    }
    return {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCharacterOfUnicodeAndNoOtherNumber) {
    for (std::uint32_t code = 0; code < 0x120000; ++code) {
        const bool good = code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
        ASSERT_EQ(model::first_not_utf8("x" + encoded(code) + "y").value_or(9), good ? 9U : 1U)
            << code;
    }
}

TEST(Utf8, OtherBytesAreRefusedWhereTheyBegin) {
    const std::string a = "aé";  // three bytes
    for (const char* bad :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
          "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "\xE2\x82x", "\xC3", "\xF0\x9F\x98"}) {
        EXPECT_EQ(model::first_not_utf8(a + bad), 3U) << bad;
        EXPECT_EQ(model::first_not_utf8(a + bad + "z"), 3U) << bad;
    }
    EXPECT_EQ(model::first_not_utf8(""), std::nullopt);
    EXPECT_EQ(model::first_not_utf8(std::string(5, '\0')), std::nullopt);
}

}  // namespace
}  // namespace alphaprune::test
