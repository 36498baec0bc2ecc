#pragma once

#include <cstdint>

namespace alphaprune::model {

/// Output number `counter` (from 0) of the generator SplitMix64 (Steele, Lea and Flood 2014) begun
/// with `seed`.
constexpr std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = seed + (counter + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/// Number `index` (below 2^32) of a sequence of independent draws, each uniform over [0, range).
/// The 2^64 mod range smallest outputs of the generator would favour small results: a draw that
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

}  // namespace alphaprune::model
