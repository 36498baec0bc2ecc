#include "alphaprune/support/checksum.hpp"

#include <xxhash.h>

#include <cassert>

namespace alphaprune::support {

std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t checksum_of_rows(std::span<const std::byte> rows, std::size_t row_bytes,
                               std::uint64_t first_row) {
    assert(row_bytes > 0 && rows.size() % row_bytes == 0);
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < rows.size(); at += row_bytes) {
        sum += hash_bytes(rows.subspan(at, row_bytes), first_row++);
    }
    return sum;
}

}  // namespace alphaprune::support
