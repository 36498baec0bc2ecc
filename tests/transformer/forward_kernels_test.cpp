#include "cuda/forward_kernels.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace alphaprune::transformer::card::kernels {
namespace {

using support::ScalarType;

constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

double expected_activation(const Gate& work, double x) {
    const auto logistic = [](double at) { return 1 / (1 + std::exp(-at)); };
    switch (work.activation) {
        case Activation::silu:
            return x * logistic(x);
        case Activation::relu:
            return std::fmax(x, 0);
        case Activation::gelu:
            return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        case Activation::gelu_tanh:
            return 0.5 * x *
                   (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
        case Activation::quick_gelu:
            return x * logistic(1.702 * x);
        case Activation::clamped_gate: {
            const double clamped = std::fmin(x, work.limit);
            return clamped * logistic(work.steepness * clamped);
        }
    }
    return x;
}

constexpr Activation kActivations[] = {Activation::silu,       Activation::relu,
                                       Activation::gelu,       Activation::gelu_tanh,
                                       Activation::quick_gelu, Activation::clamped_gate};

TEST(ForwardKernels, ActivationsAreThoseOfFloat64) {
    for (const Activation activation : kActivations) {
        Gate work;
        work.activation = activation;
        work.limit = 2.5F;
        work.steepness = 1.75F;
        for (float gate = -4; gate < 6; gate += 0.03125F) {
            float up = gate * -1.5F + 0.25F;
            float found = gate;
            work.gate = &found;
            work.up = nullptr;
            const double alone = expected_activation(work, static_cast<double>(gate));
            EXPECT_NEAR(gated(work, *work.gate, work.up != nullptr ? *work.up : 0.0F), alone,
                        1.5e-6 * std::abs(alone))
                << gate;
            work.up = &up;
            double factor = static_cast<double>(up);
            if (activation == Activation::clamped_gate) {
                factor = std::fmax(std::fmin(factor, 2.5), -2.5) + 1;
            }
            EXPECT_NEAR(gated(work, *work.gate, work.up != nullptr ? *work.up : 0.0F),
                        alone * factor, 2e-6 * std::abs(alone * factor))
                << gate;
        }
        float gate = kNotANumber;
        work.gate = &gate;
        work.up = nullptr;
        EXPECT_TRUE(std::isnan(gated(work, *work.gate, work.up != nullptr ? *work.up : 0.0F)));
    }
}

TEST(ForwardKernels, RoundAsTheProcessorDoes) {
    for (std::uint64_t bits = 0; bits <= 0xFFFFFFFFU; bits += 65521) {  // a prime
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        const std::uint16_t narrow = rounded_to(ScalarType::bfloat16, value);
        const std::uint16_t half = rounded_to(ScalarType::float16, value);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(widened(ScalarType::bfloat16, narrow)));
            EXPECT_TRUE(std::isnan(widened(ScalarType::float16, half)));
        } else {
            EXPECT_EQ(narrow, support::float_to_bfloat16(value)) << value;
            EXPECT_EQ(half, support::float_to_float16(value)) << value;
        }
    }
}

/// What `parts` parts of a value add up to.
double sum_of_parts(ScalarType type, int parts, float value) {
    double sum = 0;
    double unit = 1;
    for (int part = 0; part < parts; ++part) {
        sum += unit * static_cast<double>(widened(type, take_part(type, value)));
        unit /= type == ScalarType::float16 ? static_cast<double>(kNextPart) : 1.0;
    }
    return sum;
}

TEST(ForwardKernels, PartsAddUpToTheValue) {
    for (int i = 1; i < 4000; ++i) {
        const float value = std::ldexp(std::sin(static_cast<float>(i)), i % 40 - 26);
        const auto exact = static_cast<double>(value);
        // Rounding to 8 or 11 digits leaves at most 2^-8 or 2^-11 of a value.
        for (int parts = 1; parts <= 3; ++parts) {
            EXPECT_NEAR(sum_of_parts(ScalarType::bfloat16, parts, value), exact,
                        parts == 3 ? 0 : std::ldexp(std::abs(exact), -8 * parts));
            // Float16's last bit is worth 2^-24 at least.
            const double least = std::ldexp(1.0, -25 - 11 * (parts - 1));
            EXPECT_NEAR(sum_of_parts(ScalarType::float16, parts, value), exact,
                        std::fmax(std::ldexp(std::abs(exact), -11 * parts), least));
        }
    }
    for (const ScalarType type : {ScalarType::bfloat16, ScalarType::float16}) {
        for (const float bad : {kInfinite, -kInfinite, kNotANumber}) {
            EXPECT_FALSE(std::isfinite(sum_of_parts(type, 1, bad)));
            EXPECT_FALSE(std::isfinite(sum_of_parts(type, 3, bad)));
        }
    }
}

TEST(ForwardKernels, ScaleBringsTheLargestBelowTwoToThe14) {
    const auto scale_for = [](float value) {
        return scale_for_float16(std::bit_cast<std::uint32_t>(value));
    };
    for (int exponent = -80; exponent < 128; ++exponent) {
        const float value = std::ldexp(1.75F, exponent);
        const float scale = scale_for(value);
        EXPECT_EQ(std::ldexp(1.0F, std::ilogb(scale)), scale);
        EXPECT_EQ(value * scale, std::ldexp(1.75F, 13)) << exponent;
    }
    EXPECT_EQ(scale_for(0), 1);
    EXPECT_EQ(scale_for(kInfinite), 1);
    EXPECT_EQ(scale_for(kNotANumber), 1);
    const float least = std::numeric_limits<float>::denorm_min();
    EXPECT_TRUE(std::isnormal(1 / scale_for(least) / kNextPart / kNextPart));
    EXPECT_LT(least * scale_for(least), 16384.0F);
}

TEST(ForwardKernels, PlacesOfAllIndices) {
    const std::int64_t far = (std::int64_t{1} << 32) + 17;
    for (const std::int64_t index : {std::int64_t{0}, std::int64_t{4294967295}, far, 7 * far}) {
        for (const std::int64_t width : {std::int64_t{1}, std::int64_t{48}, far}) {
            const Place place = place_of(index, width);
            EXPECT_EQ(place.row * width + place.col, index);
            EXPECT_TRUE(place.col >= 0 && place.col < width);
        }
    }
}

TEST(ForwardKernels, RotatesEachPairOnce) {
    constexpr std::int64_t kTokens = 3;
    constexpr std::int64_t kHeads = 2;
    constexpr std::int64_t kSize = 9;
    constexpr std::int64_t kPairs = 3;
    std::vector<float> cos;
    std::vector<float> sin;
    for (int i = 0; i < kTokens * kPairs; ++i) {
        cos.push_back(std::cos(static_cast<float>(i)));
        sin.push_back(std::sin(static_cast<float>(i)));
    }
    for (const bool interleaved : {false, true}) {
        std::vector<float> values(kTokens * kHeads * kSize);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = static_cast<float>(i) - 20;
        }
        std::vector<float> expected = values;
        for (std::int64_t token = 0; token < kTokens; ++token) {
            for (std::int64_t head = 0; head < kHeads; ++head) {
                for (std::int64_t pair = 0; pair < kPairs; ++pair) {
                    const std::int64_t begin = (token * kHeads + head) * kSize + 2;
                    const auto one = static_cast<std::size_t>(begin + pair * (interleaved ? 2 : 1));
                    const std::size_t other = one + (interleaved ? 1 : kPairs);
                    const auto at = static_cast<std::size_t>(token * kPairs + pair);
                    expected[one] = values[one] * cos[at] - values[other] * sin[at];
                    expected[other] = values[other] * cos[at] + values[one] * sin[at];
                }
            }
        }
        const Rotation work{values.data(), kTokens,     kHeads,     kSize,     2,
                            kPairs,        interleaved, cos.data(), sin.data()};
        for (std::int64_t i = 0; i < kTokens * kHeads * kPairs; ++i) {
            rotate_pair(work, i);
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            EXPECT_FLOAT_EQ(values[i], expected[i]) << i;
        }
    }
}

}  // namespace
}  // namespace alphaprune::transformer::card::kernels
