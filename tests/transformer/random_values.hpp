#pragma once

#include <cstdint>
#include <vector>

namespace alphaprune::test {

/// Pseudo-random values between −size and size, the same for the same seed everywhere.
inline std::vector<float> random_values(std::int64_t count, std::uint64_t seed, double size = 1) {
    std::vector<float> values;
    std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
    for (std::int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        values.push_back(
            static_cast<float>((static_cast<double>(state >> 40U) / (1 << 23) - 1) * size));
    }
    return values;
}

}  // namespace alphaprune::test
