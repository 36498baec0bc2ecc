// Sums of products on a card, and what goes into them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "card_sums.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

struct Shape {
    std::int64_t tokens, rows, cols;
};

/// What a factor is off by at most where it is rounded towards zero.
double factor_error(ForwardPrecision precision) {
    return precision == ForwardPrecision::float32 ? 0 : std::ldexp(1.0, -10);
}

class LaneSums : public ForwardLane {
  protected:
    void expect_products(const Shape& shape, ForwardPrecision precision, bool adds);
};

/// Of rows that lie apart, so that what is between them must stay as it was.
void LaneSums::expect_products(const Shape& shape, ForwardPrecision precision, bool adds) {
    const std::int64_t a_stride = shape.rows + 3;
    const std::int64_t b_stride = shape.cols + 5;
    const std::int64_t stride = shape.cols + 1;
    const std::vector<float> a = wide_values(shape.tokens * a_stride, 1, -2, 1);
    const std::vector<float> b = wide_values(shape.tokens * b_stride, 2, -2, 1);
    const std::vector<float> before = wide_values(shape.rows * stride, 3, -2, 1);
    float* const sum = put(before);
    lane_->add_products({put(a), a_stride, put(b), b_stride, shape.tokens, shape.rows, shape.cols,
                         sum, stride, adds},
                        precision);
    const std::vector<float> found = get(sum, std::ssize(before));
    const double off = 2.1 * factor_error(precision) + sum_error(shape.tokens + 1);
    Comparison comparison;
    for (std::int64_t i = 0; i < shape.rows; ++i) {
        for (std::int64_t j = 0; j < shape.cols; ++j) {
            const auto at = static_cast<std::size_t>(i * stride + j);
            double exact = adds ? static_cast<double>(before[at]) : 0;
            double size = std::abs(exact);
            for (std::int64_t t = 0; t < shape.tokens; ++t) {
                const double product =
                    static_cast<double>(a[static_cast<std::size_t>(t * a_stride + i)]) *
                    static_cast<double>(b[static_cast<std::size_t>(t * b_stride + j)]);
                exact += product;
                size += std::abs(product);
            }
            comparison.add(found[at], exact, off * size);
        }
        const auto between = static_cast<std::size_t>(i * stride + shape.cols);
        EXPECT_EQ(found[between], before[between]);
    }
    comparison.expect_all_near(std::to_string(shape.tokens) + " tokens");
}

TEST_F(LaneSums, AddsProducts) {
    for (const ForwardPrecision precision :
         {ForwardPrecision::float32, ForwardPrecision::bf16x2, ForwardPrecision::bf16}) {
        for (const Shape& shape :
             {Shape{1, 1, 1}, {7, 33, 20}, {200, 129, 130}, {513, 64, 256}, {40, 300, 1}}) {
            for (const bool adds : {false, true}) {
                expect_products(shape, precision, adds);
            }
        }
    }
    lane_->add_products({.tokens = 1}, ForwardPrecision::float32);
}

/// Σ (aᵀz)² of any z is not negative, whatever a is rounded to, but for what sums lose; the second
/// half of the inputs repeats the first almost, so that some z have next to nothing there.
TEST_F(LaneSums, GiveSemidefiniteMatricesThatRepeat) {
    constexpr std::int64_t kTokens = 300;
    constexpr std::int64_t kCols = 64;
    std::vector<float> values = wide_values(kTokens * kCols, 4, -1, 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i % kCols >= kCols / 2) {
            values[i] = values[i - kCols / 2] * 1.00001F;
        }
    }
    const float* const there = put(values);
    for (const ForwardPrecision precision : {ForwardPrecision::float32, ForwardPrecision::bf16}) {
        std::vector<std::vector<float>> found;
        for (int run = 0; run < 2; ++run) {
            float* const sum = room(kCols * kCols);
            lane_->add_products(
                {there, kCols, there, kCols, kTokens, kCols, kCols, sum, kCols, false}, precision);
            found.push_back(get(sum, kCols * kCols));
        }
        EXPECT_TRUE(same_bits(found[0], found[1]));
        const auto at = [&](std::int64_t i, std::int64_t j) {
            return static_cast<double>(found[0][static_cast<std::size_t>(i * kCols + j)]);
        };
        for (std::int64_t i = 0; i < kCols / 2; ++i) {
            const std::int64_t j = i + kCols / 2;
            const double form = at(i, i) + at(j, j) - at(i, j) - at(j, i);  // z = e_i − e_j
            EXPECT_GE(form, -4 * sum_error(kTokens) * at(i, i)) << i;
            EXPECT_NEAR(at(i, j), at(j, i), 2 * sum_error(kTokens) * at(i, i)) << i;
        }
    }
}

TEST_F(LaneSums, ShowWhatIsNotFinite) {
    constexpr std::int64_t kTokens = 9;
    constexpr std::int64_t kCols = 40;
    const float infinite = std::numeric_limits<float>::infinity();
    for (const float bad : {infinite, -infinite, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> values = wide_values(kTokens * kCols, 5, -1, 1);
        values[3 * kCols + 7] = bad;
        const float* const there = put(values);
        for (const ForwardPrecision precision :
             {ForwardPrecision::float32, ForwardPrecision::bf16}) {
            float* const sum = room(kCols * kCols);
            lane_->add_products(
                {there, kCols, there, kCols, kTokens, kCols, kCols, sum, kCols, false}, precision);
            const std::vector<float> found = get(sum, kCols * kCols);
            for (std::int64_t i = 0; i < kCols * kCols; ++i) {
                const bool touches = i / kCols == 7 || i % kCols == 7;
                EXPECT_EQ(std::isfinite(found[static_cast<std::size_t>(i)]), !touches) << i;
            }
        }
    }
}

TEST_F(LaneSums, SubtractValues) {
    constexpr std::int64_t kCount = 70'001;
    const std::vector<float> a = wide_values(kCount, 6);
    const std::vector<float> b = wide_values(kCount, 7);
    for (const float factor : {1.0F, 0.3F}) {
        float* const out = room(kCount);
        lane_->subtract({put(a), put(b), out, kCount, factor});
        std::vector<float> expected;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const volatile float difference = a[i] - b[i];
            expected.push_back(factor * difference);
        }
        EXPECT_TRUE(same_bits(get(out, kCount), expected));
    }
    lane_->subtract({});
}

/// More of them than threads of a card.
TEST_F(LaneSums, AddInDouble) {
    constexpr std::int64_t kCount = 3'000'001;
    const std::vector<float> values = wide_values(kCount, 8, -30, 30);
    std::vector<double> sums;
    for (std::int64_t i = 0; i < kCount; ++i) {
        sums.push_back(std::ldexp(1.0 / static_cast<double>(i + 3), static_cast<int>(i % 40)));
    }
    double* const there = put(sums);
    const float* const added = put(values);
    for (int time = 0; time < 2; ++time) {
        lane_->add_in_double(there, added, kCount);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            sums[i] += static_cast<double>(values[i]);
        }
    }
    EXPECT_TRUE(same_bits(get(there, kCount), sums));
    lane_->add_in_double(nullptr, nullptr, 0);
}

/// Σ of the products of all calls, of more rows than are computed at a time and more calls than are
/// added in float32, with one y of another size.
TEST_F(LaneSums, AreThoseOfAllVectorsAtAndAboveTheDiagonal) {
    constexpr std::int64_t kOrder = 4171;
    constexpr std::int64_t kCompanion = 11;
    constexpr int kCalls = 19;
    const std::vector<std::int64_t> companions{kCompanion};
    transformer::CardFarMemory memory(*lane_, ForwardPrecision::float32);
    const auto sums = memory.make_sums(kOrder, companions);
    std::vector<std::vector<float>> x, y;
    for (int call = 0; call < kCalls; ++call) {
        const std::int64_t tokens = call % 4;  // none, too
        x.push_back(wide_values(tokens * kOrder, 20U + static_cast<unsigned>(call), -2, 1));
        y.push_back(wide_values(tokens * kCompanion, 50U + static_cast<unsigned>(call), -2, 1));
        const std::vector<std::span<const float>> there{{put(x.back()), x.back().size()},
                                                        {put(y.back()), y.back().size()}};
        sums->add(there, tokens);
    }
    const auto expect_row = [&](std::int64_t row) {
        std::vector<double> found(static_cast<std::size_t>(kOrder));
        sums->take({row, row + 1, 0, kOrder}, found);
        const bool is_x = row < kOrder;
        const std::int64_t width = is_x ? kOrder : kCompanion;
        Comparison comparison;
        for (std::int64_t col = is_x ? row : 0; col < kOrder; ++col) {
            double exact = 0;
            double size = 0;
            for (std::size_t call = 0; call < x.size(); ++call) {
                const auto& left = is_x ? x[call] : y[call];
                for (std::int64_t t = 0; t < static_cast<std::int64_t>(call) % 4; ++t) {
                    const double product =
                        double{left[static_cast<std::size_t>(t * width + row % kOrder)]} *
                        double{x[call][static_cast<std::size_t>(t * kOrder + col)]};
                    exact += product;
                    size += std::abs(product);
                }
            }
            comparison.add(static_cast<float>(found[static_cast<std::size_t>(col)]), exact,
                           sum_error(24) * size);
        }
        comparison.expect_all_near("row " + std::to_string(row));
    };
    for (const std::int64_t row : {0, 1, 255, 4095, 4096, 4170, 4171, 4181}) {
        expect_row(row);
    }
}

}  // namespace
}  // namespace alphaprune::test
