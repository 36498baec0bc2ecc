#include "alphaprune/support/scalar.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace alphaprune::support {
namespace {

#ifdef __FLT16_MANT_DIG__  // the compiler has the type: its own conversions are the oracle
#ifdef __aarch64__
using CompilerHalf = __fp16;  // GCC 12 has no other there
#else
__extension__ using CompilerHalf = _Float16;
#endif
#endif

std::span<const std::byte> bytes_of(const auto& values) {
    return std::as_bytes(std::span(values));
}

#ifdef __FLT16_MANT_DIG__
TEST(Scalar, EveryFloat16WidensAsTheCompilerDoes) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = std::bit_cast<CompilerHalf>(static_cast<std::uint16_t>(bits));
        const auto expected = static_cast<float>(half);
        const float got = float16_to_float(static_cast<std::uint16_t>(bits));
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(got)) << bits;
        } else {
            ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected));
        }
    }
}

TEST(Scalar, FloatsRoundToFloat16AsTheCompilerDoes) {
    std::mt19937 random(1);
    for (int i = 0; i < 1'000'000; ++i) {
        auto bits = static_cast<std::uint32_t>(random());
        if (i % 2 == 0) {  // half of them within float16's range, subnormals included
            bits = (bits & 0x807FFFFFU) | ((100U + bits % 45U) << 23);
        }
        const auto value = std::bit_cast<float>(bits);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(float16_to_float(float_to_float16(value))));
            continue;
        }
        const auto expected = std::bit_cast<std::uint16_t>(static_cast<CompilerHalf>(value));
        ASSERT_EQ(float_to_float16(value), expected) << std::hexfloat << value;
    }
}
#endif

TEST(Scalar, Bfloat16IsTheUpperHalfRoundedToEven) {
    EXPECT_EQ(bfloat16_to_float(0x3F80), 1.0F);
    EXPECT_EQ(float_to_bfloat16(1.0F), 0x3F80);
    EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3F808000U)), 0x3F80);  // tie, down to even
    EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3F818000U)), 0x3F82);  // tie, up to even
    EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3F808001U)), 0x3F81);
    EXPECT_EQ(float_to_bfloat16(std::numeric_limits<float>::max()), 0x7F80);
    EXPECT_EQ(float_to_bfloat16(-std::numeric_limits<float>::infinity()), 0xFF80);
    EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(std::nanf("")))));
    for (std::uint32_t bits = 0; bits < 0x7F80; ++bits) {  // exact there and back
        const auto value = bfloat16_to_float(static_cast<std::uint16_t>(bits));
        ASSERT_EQ(float_to_bfloat16(value), bits);
    }
}

TEST(Scalar, SpansWidenAndNarrowInEveryType) {
    const std::vector<float> values{0.0F, -0.0F, 1.5F, -2.25F, 0.015625F, 96.0F};
    for (const auto type :
         {ScalarType::float32, ScalarType::float16, ScalarType::bfloat16, ScalarType::float64}) {
        std::vector<std::byte> stored(values.size() * size_of(type));
        narrow(values, type, stored);
        std::vector<double> wide(values.size());
        widen(stored, type, std::span(wide));
        for (std::size_t i = 0; i < values.size(); ++i) {
            EXPECT_EQ(wide[i], static_cast<double>(values[i])) << name_of(type);
        }
        EXPECT_EQ(count_zeros(stored, type), 2U);
        EXPECT_EQ(count_non_finite(stored, type), 0U);
    }
}

TEST(Scalar, NanAndInfinityAreCounted) {
    const std::vector<std::uint16_t> bf16{0x7F80, 0xFF80, 0x7FC1, 0x7F7F, 0x0000};
    EXPECT_EQ(count_non_finite(bytes_of(bf16), ScalarType::bfloat16), 3U);
    const std::vector<std::uint16_t> f16{0x7C00, 0xFC01, 0x7BFF, 0x0001};
    EXPECT_EQ(count_non_finite(bytes_of(f16), ScalarType::float16), 2U);
    const std::vector<float> f32{std::nanf(""), std::numeric_limits<float>::infinity(), 3.4e38F};
    EXPECT_EQ(count_non_finite(bytes_of(f32), ScalarType::float32), 2U);
}

TEST(Scalar, Float64IsFiniteWhereFloat32Is) {
    constexpr double kLargest = std::numeric_limits<float>::max();
    constexpr double kHalfUnit = 0x1p103;
    const double first_infinite = kLargest + kHalfUnit;
    const double last_finite = std::nextafter(first_infinite, 0.0);
    EXPECT_TRUE(std::isinf(static_cast<float>(first_infinite)));
    EXPECT_EQ(static_cast<float>(last_finite), std::numeric_limits<float>::max());
    const std::vector<double> values{first_infinite, -first_infinite, last_finite, -last_finite,
                                     std::nan(""),   1e-320,          -INFINITY,   0.0};
    EXPECT_EQ(count_non_finite(bytes_of(values), ScalarType::float64), 4U);
    EXPECT_EQ(count_zeros(bytes_of(values), ScalarType::float64), 1U);
    const std::vector<double> tenth{0.1, -1.0 / 3.0};
    std::vector<double> wide(2);
    widen(bytes_of(tenth), ScalarType::float64, std::span(wide));
    EXPECT_EQ(wide, tenth);
    std::vector<float> single(2);
    widen(bytes_of(tenth), ScalarType::float64, std::span(single));
    EXPECT_EQ(single, (std::vector<float>{0.1F, -1.0F / 3.0F}));
}

/// A sign, exponent and fraction by the definition of the OCP formats.
double by_definition(unsigned bits, int fraction_bits, int bias) {
    const auto fraction = static_cast<double>(bits & ((1U << fraction_bits) - 1U));
    const auto exponent = static_cast<int>((bits & 0x7FU) >> fraction_bits);
    const double size = fraction / (1U << fraction_bits);
    const double magnitude =
        exponent == 0 ? std::ldexp(size, 1 - bias) : std::ldexp(1.0 + size, exponent - bias);
    return (bits & 0x80U) != 0 ? -magnitude : magnitude;
}

TEST(Scalar, EveryFloat8IsAsItsDefinitionSays) {
    for (unsigned bits = 0; bits < 256; ++bits) {
        const float e4m3 = float8_e4m3_to_float(static_cast<std::uint8_t>(bits));
        if ((bits & 0x7FU) == 0x7FU) {
            EXPECT_TRUE(std::isnan(e4m3)) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(e4m3), by_definition(bits, 3, 7)) << bits;
            EXPECT_EQ(std::signbit(e4m3), bits >= 128) << bits;
        }
        const float e5m2 = float8_e5m2_to_float(static_cast<std::uint8_t>(bits));
        if ((bits & 0x7FU) == 0x7CU) {
            EXPECT_TRUE(std::isinf(e5m2)) << bits;
        } else if ((bits & 0x7CU) == 0x7CU) {
            EXPECT_TRUE(std::isnan(e5m2)) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(e5m2), by_definition(bits, 2, 15)) << bits;
        }
    }
    EXPECT_EQ(float8_e4m3_to_float(0x7E), 448.0F);
    EXPECT_EQ(float8_e8m0_to_float(0), 0x1p-127F);
    EXPECT_EQ(float8_e8m0_to_float(127), 1.0F);
    EXPECT_EQ(float8_e8m0_to_float(254), 0x1p127F);
    EXPECT_TRUE(std::isnan(float8_e8m0_to_float(255)));
}

TEST(Scalar, NamesAreThoseOfSafetensors) {
    for (const auto type :
         {ScalarType::float32, ScalarType::float16, ScalarType::bfloat16, ScalarType::float64}) {
        EXPECT_EQ(scalar_type_named(name_of(type)), type);
    }
    EXPECT_EQ(name_of(ScalarType::bfloat16), "BF16");
    EXPECT_EQ(scalar_type_named("F8_E4M3"), std::nullopt);
}

}  // namespace
}  // namespace alphaprune::support
