#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace alphaprune::support {

/// XXH3, 64 bits, of some bytes.
std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// Checksum of a tensor, made so that ranks which hold different rows add up their parts:
/// the sum modulo 2^64 over its rows of XXH3-64(bytes of the row, seed = row index).
/// A tensor of one dimension is one row; one of more than two has shape[0] rows.
///
/// @param rows       whole rows, in order
/// @param row_bytes  bytes of one row, > 0
/// @param first_row  index in the tensor of the first row given
std::uint64_t checksum_of_rows(std::span<const std::byte> rows, std::size_t row_bytes,
                               std::uint64_t first_row);

}  // namespace alphaprune::support
