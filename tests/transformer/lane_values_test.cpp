// Values on a card one by one: conversions, counts, columns that are scaled or cleared.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

class LaneValues : public ForwardLane {};

std::vector<std::uint16_t> all_patterns() {
    std::vector<std::uint16_t> bits(65536);
    std::iota(bits.begin(), bits.end(), std::uint16_t{0});
    return bits;
}

TEST_F(LaneValues, WidensAllThatCanBeStored) {
    for (const ScalarType type : {ScalarType::bfloat16, ScalarType::float16}) {
        const std::vector<std::uint16_t> bits = all_patterns();
        std::vector<float> expected(bits.size());
        support::widen(std::as_bytes(std::span(bits)), type, std::span(expected));
        float* const to = room(std::ssize(bits));
        lane_->widen(put(bits), type, std::ssize(bits), to);
        const std::vector<float> found = get(to, std::ssize(bits));
        for (std::size_t i = 0; i < bits.size(); ++i) {
            ASSERT_TRUE(std::isnan(expected[i])
                            ? std::isnan(found[i])
                            : found[i] == expected[i] &&
                                  std::signbit(found[i]) == std::signbit(expected[i]))
                << bits[i] << " in " << support::name_of(type);
        }
    }
    for (const std::int64_t count : {0, 1, 70'001}) {
        const std::vector<float> values = wide_values(count, 1);
        float* const to = room(count);
        lane_->widen(put(values), ScalarType::float32, count, to);
        EXPECT_TRUE(same_bits(get(to, count), values));
    }
}

/// To nearest, ties to even; what overflows is counted.
TEST_F(LaneValues, NarrowsAndCountsWhatIsNotFinite) {
    const float infinite = std::numeric_limits<float>::infinity();
    for (const std::int64_t count : {0, 1, 1031, 3'000'001}) {
        std::vector<float> values = wide_values(count, 2, -9, 6);
        const std::vector<float> special{1.00390625F,
                                         1.01171875F,
                                         1.00048828125F,
                                         1.00146484375F,
                                         65519,
                                         65520,
                                         -65536,
                                         3.3961775e38F,
                                         -3.4e38F,
                                         infinite,
                                         -infinite,
                                         -0.0F,
                                         std::ldexp(1.0F, -25),
                                         std::ldexp(1.5F, -24)};
        if (count > std::ssize(special)) {
            std::ranges::copy(special, values.begin() + count / 2);
        }
        for (const ScalarType type :
             {ScalarType::bfloat16, ScalarType::float16, ScalarType::float32}) {
            std::vector<std::byte> expected(values.size() * support::size_of(type));
            support::narrow(values, type, expected);
            std::byte* const stored = room_for(expected.size());
            EXPECT_EQ(lane_->narrow(put(values), count, type, stored),
                      static_cast<std::int64_t>(support::count_non_finite(expected, type)));
            EXPECT_TRUE(same_bits(get(stored, std::ssize(expected)), expected))
                << count << " in " << support::name_of(type);
        }
    }
    std::vector<float> values(300, 1.0F);
    values[7] = std::numeric_limits<float>::quiet_NaN();
    auto* const stored = reinterpret_cast<std::uint16_t*>(room_for(600));
    EXPECT_EQ(lane_->narrow(put(values), 300, ScalarType::float16, stored), 1);
    EXPECT_TRUE(std::isnan(support::float16_to_float(get(stored, 300)[7])));
}

TEST_F(LaneValues, RoundsProductsOfDoubles) {
    for (const std::int64_t count : {0, 1, 70'001}) {
        const std::vector<float> coarse = wide_values(count, 3, -20, 20);
        const std::vector<float> fine = random_values(count, 4);
        std::vector<double> values;
        for (std::size_t i = 0; i < coarse.size(); ++i) {
            values.push_back(double{coarse[i]} * (1 + std::ldexp(double{fine[i]}, -24)));
        }
        for (const double factor : {1.0, 2.0 / 3, -1e-5}) {
            float* const to = room(count);
            lane_->round_to_float(put(values), count, factor, to);
            const std::vector<float> found = get(to, count);
            std::int64_t wrong = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                const double exact = factor * values[i];
                wrong += std::abs(double{found[i]} - exact) <=
                                 (kFloatRounding + std::ldexp(1.0, -51)) * std::abs(exact)
                             ? 0
                             : 1;
            }
            EXPECT_EQ(wrong, 0) << count << " times " << factor;
        }
    }
}

TEST_F(LaneValues, CountsDoublesThatAreNotFinite) {
    std::vector<double> values(1'000'003, 1e300);
    EXPECT_EQ(lane_->count_not_finite(put(values), std::ssize(values)), 0);
    for (const std::size_t at : {std::size_t{0}, std::size_t{5001}, values.size() - 1}) {
        values[at] = std::numeric_limits<double>::quiet_NaN();
    }
    values[77] = -std::numeric_limits<double>::infinity();
    EXPECT_EQ(lane_->count_not_finite(put(values), std::ssize(values)), 4);
    EXPECT_EQ(lane_->count_not_finite(nullptr, 0), 0);
}

TEST_F(LaneValues, TakesTheDiagonal) {
    for (const std::int64_t order : {1, 33, 300}) {
        std::vector<double> matrix(static_cast<std::size_t>(order * order));
        std::iota(matrix.begin(), matrix.end(), 0.5);
        std::vector<double> found(static_cast<std::size_t>(order));
        lane_->diagonal(put(matrix), found);
        for (std::int64_t i = 0; i < order; ++i) {
            EXPECT_EQ(found[static_cast<std::size_t>(i)],
                      static_cast<double>(i * (order + 1)) + 0.5);
        }
    }
}

TEST_F(LaneValues, ScalesAndClearsColumns) {
    for (const std::int64_t rows : {0, 1, 1000}) {
        for (const std::int64_t cols : {1, 33, 300}) {
            const std::vector<float> values = wide_values(rows * cols, 5);
            const std::vector<float> scale = wide_values(cols, 6, -2, 2);
            std::vector<std::uint8_t> which;
            for (std::int64_t j = 0; j < cols; ++j) {
                which.push_back(j % 3 == 0 ? static_cast<std::uint8_t>(1 + j % 200) : 0);
            }
            std::vector<float> multiplied = values, divided = values, cleared = values;
            for (std::size_t i = 0; i < values.size(); ++i) {
                const std::size_t j = i % static_cast<std::size_t>(cols);
                multiplied[i] *= scale[j];
                divided[i] /= scale[j];
                cleared[i] = which[j] != 0 ? 0.0F : cleared[i];
            }
            float* const there = put(values);
            lane_->scale_columns(there, rows, scale, false);
            EXPECT_TRUE(same_bits(get(there, rows * cols), multiplied));
            float* const other = put(values);
            lane_->scale_columns(other, rows, scale, true);
            EXPECT_TRUE(same_bits(get(other, rows * cols), divided));
            float* const third = put(values);
            lane_->clear_columns(third, rows, which);
            EXPECT_TRUE(same_bits(get(third, rows * cols), cleared));
        }
    }
    std::vector<float> values(64, std::numeric_limits<float>::quiet_NaN());
    float* const there = put(values);
    lane_->clear_columns(there, 2, std::vector<std::uint8_t>(32, 1));
    EXPECT_EQ(get(there, 64), std::vector<float>(64, 0.0F));
}

/// From the second value of an allocation on, which is aligned as a value is and no better.
TEST_F(LaneValues, BeginAtAnyValue) {
    constexpr std::int64_t kCount = 1030;
    const std::vector<float> values = random_values(kCount + 1, 7);
    std::vector<std::uint8_t> marks;
    for (const float value : values) {
        marks.push_back(value > 0.2F ? 1 : 0);
    }
    const float* const from = put(values) + 1;
    const std::uint8_t* const stays = put(marks) + 1;
    const auto bytes = [&] { return reinterpret_cast<std::uint8_t*>(room_for(kCount + 1)) + 1; };
    const auto shorts = reinterpret_cast<std::uint16_t*>(room_for(2 * (kCount + 1))) + 1;
    EXPECT_EQ(lane_->narrow(from, kCount, ScalarType::bfloat16, shorts), 0);
    float* const widened = room(kCount + 1) + 1;
    lane_->widen(shorts, ScalarType::bfloat16, kCount, widened);
    const std::vector<float> stored = stored_in(ScalarType::bfloat16, values);
    EXPECT_EQ(get(widened, kCount), std::vector<float>(stored.begin() + 1, stored.end()));

    float* const sum = room(kCount + 1) + 1;
    lane_->add_chosen({nullptr, from, stays, kCount, 1, 0.5F, sum});
    std::uint8_t* const support = bytes();
    lane_->clear(support, kCount);
    std::uint8_t* const larger = bytes();
    lane_->choose_larger({from, stays, kCount, 0x3F000000, larger});  // above 0.5
    auto* const counts = put(std::vector<std::uint32_t>(2));
    lane_->count_magnitudes({from, kCount, stays, 31, 25, 1, counts});  // below 0.5 and not
    std::int64_t marked = 0;
    std::vector<std::uint32_t> expected(2);  // of what is at least 0.125
    std::vector<float> sums;
    std::vector<std::uint8_t> chosen;
    for (std::size_t i = 1; i <= kCount; ++i) {
        marked += marks[i];
        if (marks[i] == 0 && std::abs(values[i]) >= 0.125F) {
            ++expected[std::abs(values[i]) < 0.5F ? 0 : 1];
        }
        sums.push_back(marks[i] != 0 ? values[i] : 0.5F * values[i]);
        chosen.push_back(marks[i] == 0 && std::abs(values[i]) > 0.5F ? 1 : 0);
    }
    EXPECT_EQ(lane_->look_at_support({from, stays, kCount, support}), marked);
    EXPECT_EQ(get(support, kCount), std::vector<std::uint8_t>(marks.begin() + 1, marks.end()));
    EXPECT_EQ(get(sum, kCount), sums);
    EXPECT_EQ(get(larger, kCount), chosen);
    EXPECT_EQ(get(counts, 2), expected);
}

}  // namespace
}  // namespace alphaprune::test
