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

/// Numbers about all that a stored type can hold, and between them.
std::vector<float> numbers_between(ScalarType type) {
    std::vector<float> numbers;
    for (std::uint32_t bits = 0; bits < 0xFFFF; ++bits) {
        const std::uint16_t pair[2] = {static_cast<std::uint16_t>(bits),
                                       static_cast<std::uint16_t>(bits + 1)};
        float ends[2];
        support::widen(std::as_bytes(std::span(pair)), type, std::span(ends));
        if (std::isfinite(ends[0]) && std::isfinite(ends[1])) {
            const float middle = ends[0] / 2 + ends[1] / 2;
            numbers.insert(numbers.end(), {ends[0], middle, std::nextafter(middle, ends[0]),
                                           std::nextafter(middle, ends[1])});
        }
    }
    return numbers;
}

TEST(SpectrumKernels, NarrowAsTheProcessorDoes) {
    for (const ScalarType type : {ScalarType::float16, ScalarType::bfloat16}) {
        std::vector<float> numbers = numbers_between(type);
        numbers.insert(numbers.end(), {65519.0F, 65520.0F, 1e10F, -1e10F, 1e-10F, -0.0F});
        for (const float number : numbers) {
            std::uint16_t expected = 0;
            std::uint16_t found = 0;
            support::narrow(std::span(&number, 1), type,
                            std::as_writable_bytes(std::span(&expected, 1)));
            narrow_to(&found, type, 0, number);
            ASSERT_EQ(found, expected) << number;
        }
    }
    float single = 0;
    narrow_to(&single, ScalarType::float32, 0, 0.1F);
    EXPECT_EQ(single, 0.1F);
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
