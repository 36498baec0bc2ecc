#include "alphaprune/formats/bitmask.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace alphaprune::formats {
namespace {

struct MaskedRows {
    std::vector<std::byte> mask;
    std::vector<std::byte> values;
};

MaskedRows packed_rows(std::span<const std::byte> dense, std::int64_t cols,
                       std::size_t value_bytes) {
    const std::size_t rows = dense.size() / (static_cast<std::size_t>(cols) * value_bytes);
    MaskedRows packed{std::vector<std::byte>(rows * mask_row_bytes(cols), std::byte{0xA5}),
                      std::vector<std::byte>(dense.size())};
    packed.values.resize(pack_rows(dense, cols, value_bytes, packed.mask, packed.values) *
                         value_bytes);
    return packed;
}

/// A bit and a value at a time, by the definition.
MaskedRows masked_by_definition(const std::vector<std::byte>& dense, std::int64_t cols,
                                std::size_t value_bytes) {
    MaskedRows rows;
    const std::size_t row_bytes = static_cast<std::size_t>(cols) * value_bytes;
    for (std::size_t at = 0; row_bytes > 0 && at < dense.size(); at += row_bytes) {
        std::vector<std::byte> mask(mask_row_bytes(cols));
        for (std::size_t col = 0; col < static_cast<std::size_t>(cols); ++col) {
            const auto value = std::span(dense).subspan(at + col * value_bytes, value_bytes);
            if (std::ranges::any_of(value, [](std::byte byte) { return byte != std::byte{0}; })) {
                mask[col / 8] |= std::byte{1} << (col % 8);
                rows.values.insert(rows.values.end(), value.begin(), value.end());
            }
        }
        rows.mask.insert(rows.mask.end(), mask.begin(), mask.end());
    }
    return rows;
}

std::vector<std::byte> some_bytes(std::size_t values, std::size_t value_bytes, double zeros,
                                  std::mt19937& engine) {
    std::vector<std::byte> bytes(values * value_bytes);
    std::uniform_real_distribution<double> draw;
    for (std::size_t i = 0; i < values; ++i) {
        if (draw(engine) < zeros) {
            continue;
        }
        for (std::size_t b = 0; b < value_bytes; ++b) {  // of some a single byte is not zero
            bytes[i * value_bytes + b] = static_cast<std::byte>(engine() % 3 == 0 ? engine() : 0);
        }
    }
    return bytes;
}

TEST(Bitmask, IsByDefinitionAndComesBackBitForBit) {
    std::mt19937 engine(3);
    for (const std::size_t value_bytes : {1U, 2U, 4U, 8U}) {
        for (const std::int64_t cols : {1, 7, 8, 9, 64, 67}) {
            for (const double zeros : {0.0, 0.5, 0.7, 1.0}) {
                const auto dense =
                    some_bytes(static_cast<std::size_t>(cols) * 11, value_bytes, zeros, engine);
                const MaskedRows expected = masked_by_definition(dense, cols, value_bytes);
                const MaskedRows packed = packed_rows(dense, cols, value_bytes);
                EXPECT_EQ(packed.mask, expected.mask);
                EXPECT_EQ(packed.values, expected.values);
                EXPECT_EQ(set_bits(packed.mask) * value_bytes, packed.values.size());
                EXPECT_EQ(count_values(dense, value_bytes) * value_bytes, packed.values.size());
                std::vector<std::byte> back(dense.size(), std::byte{0xA5});
                unpack_rows(packed.mask, packed.values, cols, value_bytes, back);
                EXPECT_EQ(back, dense);
            }
        }
    }
}

TEST(Bitmask, MinusZeroAndNanAreValues) {
    const std::vector<std::uint16_t> bits{0x8000, 0x0000, 0x7FC1, 0xFFFF, 0x0001};
    const MaskedRows packed = packed_rows(std::as_bytes(std::span(bits)), 5, 2);
    ASSERT_EQ(packed.mask.size(), 1U);
    EXPECT_EQ(packed.mask.front(), std::byte{0b11101});
    std::vector<std::uint16_t> back(5, 7);
    unpack_rows(packed.mask, packed.values, 5, 2, std::as_writable_bytes(std::span(back)));
    EXPECT_EQ(back, bits);
}

TEST(Bitmask, OfNoRowsIsNothing) {
    EXPECT_EQ(pack_rows({}, 4, 2, {}, {}), 0U);
    EXPECT_EQ(count_values({}, 2), 0U);
}

}  // namespace
}  // namespace alphaprune::formats
