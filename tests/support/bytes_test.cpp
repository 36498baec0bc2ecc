#include "alphaprune/support/bytes.hpp"

#include <gtest/gtest.h>

#include <random>

namespace alphaprune::support {
namespace {

enum class Kind { one, other };

struct Inner {
    std::string name;
    std::optional<int> number;

    friend bool operator==(const Inner&, const Inner&) = default;
};

struct Outer {
    std::vector<Inner> items;
    std::vector<bool> flags;
    std::vector<double> numbers;
    std::array<float, 2> both{};
    std::pair<int, std::string> pair;
    std::filesystem::path path;
    Kind kind = Kind::one;

    friend bool operator==(const Outer&, const Outer&) = default;
};

void visit_fields(auto& bytes, FieldsOf<Inner> auto& inner) {
    bytes(inner.name, inner.number);
}

void visit_fields(auto& bytes, FieldsOf<Outer> auto& outer) {
    bytes(outer.items, outer.flags, outer.numbers, outer.both, outer.pair, outer.path, outer.kind);
}

/// Names as no serialiser likes them.
Outer some_value() {
    Outer value;
    value.items = {{std::string("a\x1f"
                                "b\0c\n",
                                6),
                    3},
                   {"", std::nullopt},
                   {"\x1f\x1f", -1}};
    value.flags = {true, false, true};
    value.numbers = {1.5, -0.0};
    value.both = {2, 3};
    value.pair = {7, "seven"};
    value.path = "/a path/with\nlines";
    value.kind = Kind::other;
    return value;
}

std::string packed(const Outer& value) {
    ByteWriter bytes;
    bytes(value);
    return bytes.take();
}

TEST(Bytes, ComeBackAsTheyWent) {
    const std::string text = packed(some_value());
    ByteReader bytes(text);
    EXPECT_EQ(bytes.get<Outer>(), some_value());
    EXPECT_TRUE(bytes.empty());
    EXPECT_NO_THROW(bytes.finish());
    EXPECT_THROW(bytes.get<std::uint8_t>(), Error);
}

TEST(Bytes, WhatEndsEarlyOrGoesOnIsRefused) {
    const std::string text = packed(some_value());
    for (std::size_t length = 0; length < text.size(); ++length) {
        ByteReader bytes(std::string_view(text).substr(0, length));
        EXPECT_THROW(bytes.get<Outer>(), Error) << length;
    }
    ByteReader longer(text);
    longer.get<std::uint64_t>();
    EXPECT_THROW(longer.finish(), Error);
}

TEST(Bytes, LengthsBeyondTheEndTakeNoMemoryAndNoTime) {
    for (const std::uint64_t length :
         {~std::uint64_t{0}, ~std::uint64_t{0} / 8, std::uint64_t{17}}) {
        ByteWriter writer;
        writer(length, std::string(8, 'x'));
        EXPECT_THROW(ByteReader(writer.bytes()).get<std::string>(), Error);
        EXPECT_THROW(ByteReader(writer.bytes()).get<std::vector<double>>(), Error);
        EXPECT_THROW(ByteReader(writer.bytes()).get<std::vector<std::string>>(), Error);
        EXPECT_THROW(ByteReader(writer.bytes()).get<std::vector<Inner>>(), Error);
        EXPECT_THROW((ByteReader(writer.bytes()).get<std::array<char, 8>>()), Error);
    }
}

TEST(Bytes, ABoolIsOneOfTwo) {
    EXPECT_THROW(ByteReader(std::string_view("\x02")).get<bool>(), Error);
    EXPECT_TRUE(ByteReader(std::string_view("\x01")).get<bool>());
}

/// Whatever stands in them, bytes are read to an end.
TEST(Bytes, DamagedOnesAreRefusedOrRead) {
    const std::string whole = packed(some_value());
    std::mt19937 random(5);
    int refused = 0;
    for (int round = 0; round < 5000; ++round) {
        std::string text = whole;
        for (int change = 0; change < 3; ++change) {
            text[random() % text.size()] = static_cast<char>(random());
        }
        try {
            ByteReader(text).get<Outer>();
        } catch (const Error&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 100);
    EXPECT_LT(refused, 5000);
}

}  // namespace
}  // namespace alphaprune::support
