#pragma once

#include <cstdint>

// Counter-based random numbers: each is a function of its seed and its number alone.

namespace alphaprune::support {

/// Output number `counter` (from 0) of the generator SplitMix64 (Steele, Lea and Flood 2014) begun
/// with `seed`.
constexpr std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = seed + (counter + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/// Number `index` (below 2^32) of a sequence of independent draws, each uniform over [0, range).
/// The 2^64 mod range smallest outputs of the generator would favor small results: a draw that
/// meets one takes the output 2^32 further on.
/// @param range  > 0
constexpr std::uint64_t uniform_draw(std::uint64_t seed, std::uint64_t index, std::uint64_t range) {
    const std::uint64_t unfair = (0 - range) % range;  // 2^64 mod range
    std::uint64_t drawn = splitmix64(seed, index);
    while (drawn < unfair) {
        index += std::uint64_t{1} << 32;
        drawn = splitmix64(seed, index);
    }
    return drawn % range;
}

/// What a row of a tensor adds to the draws of its columns.
struct RowKey {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
};

constexpr RowKey row_key(std::uint64_t tensor_key, std::int64_t row) {
    const std::uint64_t both = splitmix64(~tensor_key, static_cast<std::uint64_t>(row));
    return {static_cast<std::uint32_t>(both), static_cast<std::uint32_t>(both >> 32)};
}

/// 32 random bits for a column: MurmurHash3's final mixing (Appleby 2011) of a counter, with half
/// of the row's key before it and half in its middle. Nothing but 32-bit operations, which vector
/// units do many at a time.
constexpr std::uint32_t random_bits(RowKey row, std::uint32_t column) {
    std::uint32_t x = column + row.low;
    x = (x ^ (x >> 16)) * 0x85EBCA6BU;
    x = ((x ^ (x >> 13)) + row.high) * 0xC2B2AE35U;
    return x ^ (x >> 16);
}

/// The sum of the four bytes, each uniform over 0 … 255, less their mean: bell-shaped, a whole
/// number between −510 and 510.
constexpr std::int32_t bell(std::uint32_t bits) {
    const std::uint32_t pairs = (bits & 0x00FF00FFU) + ((bits >> 8) & 0x00FF00FFU);
    return static_cast<std::int32_t>((pairs + (pairs >> 16)) & 0xFFFFU) - 510;
}

/// Standard deviation of bell(): the root of 4 · (256² − 1)/12.
inline constexpr double kDrawDeviation = 147.80054127099805;

}  // namespace alphaprune::support
