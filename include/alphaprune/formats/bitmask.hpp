#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace alphaprune::formats {

// A matrix with many zeros as a mask and the other values. The mask has one bit per value,
// row-major, the lowest bit of a byte first, each row padded with zero bits to whole bytes: numpy's
// packbits(matrix != 0, axis=-1, bitorder="little"). Zero is a value whose bits are all zero: −0
// and NaN come back bit for bit.

/// Bytes of the mask of a row.
constexpr std::uint64_t mask_row_bytes(std::int64_t cols) {
    return (static_cast<std::uint64_t>(cols) + 7) / 8;
}

/// So many rows share an entry of the row offsets, which say how many values come before them.
inline constexpr std::int64_t kRowsOfOffset = 16;

/// Some rows in this form.
struct MaskedRows {
    std::vector<std::byte> mask;
    std::vector<std::byte> values;  ///< those that are not zero, row after row
};

/// @param dense       whole rows
/// @param value_bytes 1, 2, 4 or 8
/// @param out         is replaced; its memory is used again
void pack_rows(std::span<const std::byte> dense, std::int64_t cols, std::size_t value_bytes,
               MaskedRows& out);

/// The inverse. @pre as many values as set_bits(mask)
void unpack_rows(std::span<const std::byte> mask, std::span<const std::byte> values,
                 std::int64_t cols, std::size_t value_bytes, std::span<std::byte> dense);

std::uint64_t set_bits(std::span<const std::byte> mask);

}  // namespace alphaprune::formats
