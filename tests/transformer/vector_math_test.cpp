#include "vector_math.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "transformer/random_values.hpp"

namespace alphaprune::test {
namespace {

/// Lengths below, at and above every vector width.
const std::vector<std::int64_t> kLengths{1, 2, 7, 15, 16, 17, 31, 64, 100, 513};

TEST(VectorMath, ExponentialAgreesWithTheLibrary) {
    double worst = 0;
    for (double base = -87.3; base < 88.2; base += 0.37) {
        auto values = random_values(1000, 5, 0.37);
        std::vector<double> expected;
        for (float& value : values) {
            value = static_cast<float>(std::clamp(base + static_cast<double>(value), -87.3, 88.3));
            expected.push_back(std::exp(static_cast<double>(value)));
        }
        transformer::exponentials(values, 0);
        for (std::size_t i = 0; i < values.size(); ++i) {
            worst = std::max(worst, std::abs(static_cast<double>(values[i]) / expected[i] - 1));
        }
    }
    EXPECT_LT(worst, 1.2e-7);
}

TEST(VectorMath, ExponentialAtTheEnds) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> values{0,    -1000,     -kInfinity,
                              1000, kInfinity, std::numeric_limits<float>::quiet_NaN()};
    transformer::exponentials(values, 0);
    EXPECT_EQ(values[0], 1.0F);
    for (const std::size_t tiny : {1U, 2U}) {
        EXPECT_GT(values[tiny], 0.0F);
        EXPECT_LT(values[tiny], 1.3e-38F);
    }
    for (const std::size_t huge : {3U, 4U}) {
        EXPECT_GT(values[huge], 2.2e38F);
        EXPECT_LT(values[huge], kInfinity);
    }
    EXPECT_TRUE(std::isnan(values[5]));
}

TEST(VectorMath, Sums) {
    for (const std::int64_t length : kLengths) {
        const auto values = random_values(length, 3, 4);
        double plain = 0;
        double squares = 0;
        double exponents = 0;
        float most = -100;
        for (const float value : values) {
            plain += static_cast<double>(value);
            squares += (static_cast<double>(value) - 0.5) * (static_cast<double>(value) - 0.5);
            exponents += std::exp(static_cast<double>(value) - 1.5);
            most = std::max(most, value);
        }
        EXPECT_NEAR(transformer::sum(values), plain, 1e-12 * static_cast<double>(length));
        EXPECT_NEAR(transformer::sum_of_squares(values, 0.5F), squares, 1e-6 * squares);
        EXPECT_NEAR(static_cast<double>(transformer::sum_of_exponentials(values, 1.5F)), exponents,
                    1e-6 * exponents);
        auto copy = values;
        EXPECT_NEAR(static_cast<double>(transformer::exponentials(copy, 1.5F)), exponents,
                    1e-6 * exponents);
        EXPECT_EQ(transformer::largest(values), most);
    }
    EXPECT_EQ(transformer::largest({}), -std::numeric_limits<float>::infinity());
}

struct Function {
    void (*ours)(std::span<float>);
    double (*exact)(double);
};

TEST(VectorMath, Activations) {
    const std::vector<Function> functions{
        {transformer::silu, [](double x) { return x / (1 + std::exp(-x)); }},
        {transformer::relu, [](double x) { return std::max(x, 0.0); }},
        {transformer::gelu, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
        {transformer::gelu_tanh,
         [](double x) {
             const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
             return x / 2 * (1 + std::tanh(u));
         }},
        {transformer::quick_gelu, [](double x) { return x / (1 + std::exp(-1.702 * x)); }},
    };
    for (const Function& function : functions) {
        for (const std::int64_t length : kLengths) {
            const auto before = random_values(length, 8, 12);
            auto after = before;
            function.ours(after);
            for (std::size_t i = 0; i < after.size(); ++i) {
                const double exact = function.exact(static_cast<double>(before[i]));
                EXPECT_NEAR(static_cast<double>(after[i]), exact, 3e-7 * (1 + std::abs(exact)))
                    << before[i];
            }
        }
    }
}

TEST(VectorMath, ClampedGate) {
    const model::ClampedGate clamped{.limit = 2, .steepness = 1.5};
    for (const std::int64_t length : kLengths) {
        const auto gate = random_values(length, 9, 6);
        const auto up = random_values(length, 10, 6);
        auto joined = gate;
        transformer::clamped_gate(clamped, joined, up);
        for (std::size_t i = 0; i < joined.size(); ++i) {
            const double g = std::min(static_cast<double>(gate[i]), 2.0);
            const double u = std::clamp(static_cast<double>(up[i]), -2.0, 2.0);
            const double exact = g / (1 + std::exp(-1.5 * g)) * (u + 1);
            EXPECT_NEAR(static_cast<double>(joined[i]), exact, 1e-6) << gate[i] << " " << up[i];
        }
    }
    std::vector<float> unknown{std::numeric_limits<float>::quiet_NaN(), 1};
    transformer::clamped_gate(clamped, unknown,
                              std::vector{1.0F, std::numeric_limits<float>::quiet_NaN()});
    EXPECT_TRUE(std::isnan(unknown[0]) && std::isnan(unknown[1]));
}

/// A result must not hang on where in memory the values happen to lie.
TEST(VectorMath, BitsDoNotDependOnAlignment) {
    const auto values = random_values(1003, 11, 3);
    std::vector<float> room(values.size() + 16);
    std::vector<std::uint64_t> seen;
    for (std::size_t shift = 0; shift < 16; ++shift) {
        const auto here = std::span(room).subspan(shift, values.size());
        std::ranges::copy(values, here.begin());
        const double total = transformer::sum_of_squares(here, 0.25F) + transformer::sum(here);
        const float exponents = transformer::sum_of_exponentials(here, 1);
        transformer::silu(here);
        const float after = transformer::exponentials(here, 0.5F);
        const auto bits = std::bit_cast<std::uint64_t>(total) * 31 +
                          std::bit_cast<std::uint32_t>(exponents) * 17 +
                          std::bit_cast<std::uint32_t>(after);
        if (shift == 0) {
            seen.push_back(bits);
        }
        EXPECT_EQ(bits, seen.front()) << shift;
    }
}

}  // namespace
}  // namespace alphaprune::test
