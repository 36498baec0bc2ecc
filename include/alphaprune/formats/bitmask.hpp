#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

/// How many of the values are not zero. @param value_bytes 1, 2, 4 or 8
std::uint64_t count_values(std::span<const std::byte> dense, std::size_t value_bytes);

/// @param dense   whole rows
/// @param mask    of those rows
/// @param values  with room for all of `dense`
/// @return  how many are not
std::size_t pack_rows(std::span<const std::byte> dense, std::int64_t cols, std::size_t value_bytes,
                      std::span<std::byte> mask, std::span<std::byte> values);

/// The inverse. @pre as many values as set_bits(mask)
void unpack_rows(std::span<const std::byte> mask, std::span<const std::byte> values,
                 std::int64_t cols, std::size_t value_bytes, std::span<std::byte> dense);

std::uint64_t set_bits(std::span<const std::byte> mask);

}  // namespace alphaprune::formats
