#include "cuda/spectrum_kernels.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

namespace alphaprune::linalg::kernels {
namespace {

using support::ScalarType;

TEST(SpectrumKernels, WidenEveryFloat16AndBfloat16AsTheProcessorDoes) {
    for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
        const auto stored = static_cast<std::uint16_t>(bits);
        for (const ScalarType type : {ScalarType::float16, ScalarType::bfloat16}) {
            double expected = 0;
            support::widen(std::as_bytes(std::span(&stored, 1)), type, std::span(&expected, 1));
            const double found = widen_at(&stored, type, 0);
            if (std::isnan(expected)) {
                EXPECT_TRUE(std::isnan(found)) << bits;
            } else {
                EXPECT_EQ(std::bit_cast<std::uint64_t>(found),
                          std::bit_cast<std::uint64_t>(expected))
                    << bits;
            }
        }
    }
}

TEST(SpectrumKernels, GoThroughARectangleRowByRow) {
    std::vector<float> stored(5 * 7);
    for (std::size_t i = 0; i < stored.size(); ++i) {
        stored[i] = static_cast<float>(i);
    }
    const StoredPart part{stored.data(), ScalarType::float32, 7, 2, 3, 4};
    std::vector<double> found;
    for (int i = 0; i < 8; ++i) {
        found.push_back(part.at(i));
    }
    EXPECT_EQ(found, (std::vector<double>{17, 18, 19, 20, 24, 25, 26, 27}));
}

TEST(SpectrumKernels, SquaresOfTheLowerTriangleCountTwiceOffTheDiagonal) {
    const std::vector<double> lower{1, 2, 99, 3};  // column-major; what is above is not looked at
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
        sum += square_in_lower(lower.data(), 2, i % 2, i / 2, 0.5);
    }
    EXPECT_EQ(sum, (1 + 2 * 4 + 9) * 0.25);
}

}  // namespace
}  // namespace alphaprune::linalg::kernels
