#include "bf16_parts.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/packed_weights.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::test {
namespace {

using linalg::Bf16;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kLargestFloat = std::numeric_limits<float>::max();
constexpr float kLargestBf16 = 0x1.FEp127F;

class Bf16Parts : public testing::Test {
  protected:
    void SetUp() override {
        if (!linalg::has_bf16_products()) {
            GTEST_SKIP() << "no oneDNN or no instructions for bfloat16 here";
        }
    }
};

/// Every kind of exponent and many patterns of digits.
std::vector<float> all_kinds_of_values() {
    std::vector<float> values{0.0F,
                              -0.0F,
                              1.0F,
                              -1.5F,
                              kInf,
                              -kInf,
                              kLargestFloat,
                              -kLargestFloat,
                              kLargestBf16,
                              std::numeric_limits<float>::quiet_NaN(),
                              std::bit_cast<float>(0x7F800001U)};
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        values.push_back(std::bit_cast<float>(i * 2'654'435'761U));
    }
    for (std::uint32_t digits = 0; digits < 0x20000U; digits += 0x1001U) {  // ties, and around them
        values.push_back(std::bit_cast<float>(0x3F800000U + digits));
        values.push_back(std::bit_cast<float>(0x3F808000U + (digits & 0x10001U)));
    }
    return values;
}

TEST_F(Bf16Parts, OnePartIsRoundedAsInAnyConversion) {
    const auto values = all_kinds_of_values();
    std::vector<Bf16> hi(values.size());
    EXPECT_FALSE(linalg::split_values(values.data(), static_cast<std::int64_t>(values.size()),
                                      {hi.data(), nullptr}));
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) {
            EXPECT_TRUE(std::isnan(support::bfloat16_to_float(hi[i])));
        } else {
            ASSERT_EQ(hi[i], support::float_to_bfloat16(values[i])) << values[i];
        }
    }
}

TEST_F(Bf16Parts, TwoPartsAddUpToSixteenBits) {
    const auto values = all_kinds_of_values();
    std::vector<Bf16> hi(values.size());
    std::vector<Bf16> lo(values.size());
    linalg::split_values(values.data(), static_cast<std::int64_t>(values.size()),
                         {hi.data(), lo.data()});
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double upper = support::bfloat16_to_float(hi[i]);
        const double lower = support::bfloat16_to_float(lo[i]);
        const double value = values[i];
        if (!std::isfinite(value)) {
            EXPECT_EQ(std::isnan(upper), std::isnan(value));
            EXPECT_TRUE(std::isnan(value) || upper == value);
            EXPECT_EQ(lower, 0);
            continue;
        }
        // Half of the last digit of lo, which is at most half of the last digit of hi; twice that
        // beyond the largest bfloat16, where lo is larger.
        const int digits = std::abs(value) > kLargestBf16 ? -16 : -17;
        const double bound = std::abs(std::ldexp(value, digits));
        ASSERT_LE(std::abs(value - upper - lower), std::max(bound, 0x1p-134)) << value;
        if (std::abs(value) <= kLargestBf16) {
            ASSERT_EQ(hi[i], support::float_to_bfloat16(values[i])) << value;
        }
    }
}

TEST_F(Bf16Parts, SaysWhetherAllIsFinite) {
    std::vector<float> values(100, kLargestFloat);
    std::vector<Bf16> hi(100);
    std::vector<Bf16> lo(100);
    EXPECT_TRUE(linalg::split_values(values.data(), 100, {hi.data(), nullptr}));
    EXPECT_TRUE(linalg::split_values(values.data(), 100, {hi.data(), lo.data()}));
    values[99] = -kInf;
    EXPECT_FALSE(linalg::split_values(values.data(), 100, {hi.data(), lo.data()}));
    values[99] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(linalg::split_values(values.data(), 100, {hi.data(), nullptr}));
}

TEST(PackedWeights, KnowsWhatOnePartHolds) {
    std::vector<float> weights{1.0F, 0x1.02p0F, 5.0F, -3.0F, 0x1.04p-20F, 9.0F};
    const linalg::ConstFloatView view{weights.data(), 2, 2, 3};
    EXPECT_TRUE(linalg::is_exact_in_bf16(view));
    weights[2] = 0x1.01p0F;  // not part of it
    EXPECT_TRUE(linalg::is_exact_in_bf16(view));
    weights[4] = 0x1.01p0F;
    EXPECT_FALSE(linalg::is_exact_in_bf16(view));
}

}  // namespace
}  // namespace alphaprune::test
