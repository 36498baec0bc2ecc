// Rows in conjugate gradients, on a card.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

/// Rows in memory of the card and what was there when they were last looked at.
struct SeenRows {
    std::vector<float> values, residual, direction, product;
    std::vector<std::uint8_t> support;
    std::vector<double> squares;
};

class LaneRefining : public ForwardLane {
  protected:
    void begin(std::int64_t rows, std::int64_t cols, const std::vector<float>& values,
               const std::vector<float>& right) {
        const std::int64_t count = rows * cols;
        work_.rows = rows;
        work_.cols = cols;
        work_.values = put(values);
        work_.support = reinterpret_cast<std::uint8_t*>(room_for(values.size()));
        work_.residual = room(count);
        work_.direction = room(count);
        product_ = room(count);
        work_.product = product_;
        work_.squares = reinterpret_cast<double*>(room_for(static_cast<std::size_t>(rows) * 8));
        multiply(work_.values);
        lane_->begin_refining(work_, put(right));
    }
    /// By a matrix with 2 on its diagonal and 0.9^|i−j| beside it: positive definite.
    void multiply(const float* from) {
        std::vector<float> matrix;
        for (std::int64_t i = 0; i < work_.cols * work_.cols; ++i) {
            const auto apart = std::abs(i / work_.cols - i % work_.cols);
            matrix.push_back(apart == 0 ? 2 : static_cast<float>(std::pow(0.9, apart)));
        }
        lane_->multiply_add({1, from, work_.cols, put(matrix), work_.cols, 0, product_, work_.cols,
                             work_.rows, work_.cols, work_.cols});
    }
    SeenRows look() {
        const std::int64_t count = work_.rows * work_.cols;
        return {get(work_.values, count),    get(work_.residual, count),
                get(work_.direction, count), get(work_.product, count),
                get(work_.support, count),   get(work_.squares, work_.rows)};
    }
    void expect_step(const SeenRows& before, const SeenRows& after, std::int64_t row,
                     Comparison& comparison) const;

    linalg::RefinedRows work_;
    float* product_ = nullptr;
};

double dot(const std::vector<float>& one, const std::vector<float>& other, std::int64_t row,
           std::int64_t cols) {
    double sum = 0;
    for (auto i = static_cast<std::size_t>(row * cols);
         i < static_cast<std::size_t>((row + 1) * cols); ++i) {
        sum += double{one[i]} * double{other[i]};
    }
    return sum;
}

/// A step in float64 from what was there. α and β, products and sums are rounded each.
void LaneRefining::expect_step(const SeenRows& before, const SeenRows& after, std::int64_t row,
                               Comparison& comparison) const {
    const auto at = static_cast<std::size_t>(row);
    const double alpha =
        before.squares[at] / dot(before.direction, before.product, row, work_.cols);
    const double square = dot(after.residual, after.residual, row, work_.cols);
    EXPECT_NEAR(after.squares[at], square, 1e-12 * square);
    const double beta = square / before.squares[at];
    const auto add = [&](float found, double begin, double change) {
        comparison.add(
            found, begin + change,
            kFloatRounding * (2.01 * std::abs(change) + 1.01 * std::abs(begin + change)));
    };
    for (auto i = at * static_cast<std::size_t>(work_.cols);
         i < (at + 1) * static_cast<std::size_t>(work_.cols); ++i) {
        add(after.values[i], before.values[i], alpha * double{before.direction[i]});
        add(after.residual[i], before.residual[i],
            before.support[i] != 0 ? -alpha * double{before.product[i]} : 0);
        add(after.direction[i], after.residual[i], beta * double{before.direction[i]});
    }
}

TEST_F(LaneRefining, BeginsWithWhatIsLeftInTheSupport) {
    for (const auto& [rows, cols] :
         {std::array<std::int64_t, 2>{1, 1}, {1, 300}, {7, 33}, {1000, 40}}) {
        std::vector<float> values = random_values(rows * cols, 51);
        for (std::size_t i = 0; i < values.size(); i += 3) {
            values[i] = i % 2 == 0 ? 0.0F : -0.0F;
        }
        const std::vector<float> right = random_values(rows * cols, 52, 3);
        begin(rows, cols, values, right);
        const SeenRows seen = look();
        for (std::size_t i = 0; i < values.size(); ++i) {
            ASSERT_EQ(seen.support[i], values[i] != 0 ? 1 : 0);
            ASSERT_EQ(seen.residual[i], values[i] != 0 ? right[i] - seen.product[i] : 0);
        }
        EXPECT_EQ(seen.values, values);
        EXPECT_EQ(seen.direction, seen.residual);
        for (std::int64_t row = 0; row < rows; ++row) {
            const double square = dot(seen.residual, seen.residual, row, cols);
            EXPECT_NEAR(seen.squares[static_cast<std::size_t>(row)], square, 1e-12 * square);
        }
    }
}

/// Step by step; in the end what is left in the support is next to nothing.
TEST_F(LaneRefining, TakesStepsOfConjugateGradients) {
    constexpr int kSteps = 8;
    for (const auto& [rows, cols] :
         {std::array<std::int64_t, 2>{1, 1}, {1, 300}, {7, 33}, {1000, 40}}) {
        std::vector<float> values = random_values(rows * cols, 53);
        for (std::size_t i = 0; i < values.size(); i += 3) {
            values[i] = 0;
        }
        values[0] = 1;
        begin(rows, cols, values, random_values(rows * cols, 54, 3));
        SeenRows seen = look();
        const std::vector<double> first = seen.squares;
        for (int step = 0; step < (cols == 1 ? 1 : kSteps); ++step) {
            multiply(work_.direction);
            const std::vector<float> product = get(product_, rows * cols);
            lane_->refine(work_);
            const SeenRows before = std::exchange(seen, look());
            SeenRows with_product = before;
            with_product.product = product;
            EXPECT_EQ(seen.support, before.support);
            Comparison comparison;
            for (std::int64_t row = 0; row < rows; ++row) {
                if (before.squares[static_cast<std::size_t>(row)] > 0) {
                    expect_step(with_product, seen, row, comparison);
                }
            }
            comparison.expect_all_near("step " + std::to_string(step));
        }
        for (std::size_t row = 0; row < first.size(); ++row) {
            EXPECT_LE(seen.squares[row], 0.1 * first[row]) << row;
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            EXPECT_TRUE(values[i] != 0 || (seen.values[i] == 0 && seen.residual[i] == 0)) << i;
        }
    }
}

TEST_F(LaneRefining, LeavesRowsAsTheyAreThatCannotBeRefined) {
    constexpr std::int64_t kRows = 5;
    constexpr std::int64_t kCols = 33;
    std::vector<float> values = random_values(kRows * kCols, 55);
    std::fill_n(values.begin() + kCols, kCols, 0.0F);  // row 1: no support, nothing left
    begin(kRows, kCols, values, random_values(kRows * kCols, 56));
    multiply(work_.direction);
    std::vector<float> product = get(product_, kRows * kCols);
    std::vector<double> squares = get(work_.squares, kRows);
    for (std::int64_t j = 0; j < kCols; ++j) {
        const auto at = static_cast<std::size_t>(j);
        product[2 * kCols + at] *= -1;  // no curvature
        product[3 * kCols + at] = std::numeric_limits<float>::quiet_NaN();
    }
    EXPECT_EQ(squares[1], 0);
    squares[4] = std::numeric_limits<double>::quiet_NaN();
    lane_->upload(product_, std::as_bytes(std::span(product)));
    lane_->upload(work_.squares, std::as_bytes(std::span(squares)));
    const SeenRows before = look();
    lane_->refine(work_);
    const SeenRows after = look();
    for (std::size_t i = 0; i < kRows * kCols; ++i) {
        const bool changes = i < kCols;
        EXPECT_EQ(after.values[i] != before.values[i], changes) << i;
        EXPECT_EQ(after.residual[i] != before.residual[i], changes) << i;
        EXPECT_EQ(after.direction[i] != before.direction[i], changes) << i;
    }
    EXPECT_NE(after.squares[0], squares[0]);
    EXPECT_TRUE(same_bits(std::vector<double>(after.squares.begin() + 1, after.squares.end()),
                          std::vector<double>(squares.begin() + 1, squares.end())));
}

TEST_F(LaneRefining, MultipliesRowsByRows) {
    for (const auto& [rows, cols] :
         {std::array<std::int64_t, 2>{0, 5}, {1, 1}, {1, 3000}, {7, 33}, {1000, 300}}) {
        const std::vector<float> one = wide_values(rows * cols, 57, -3, 3);
        const std::vector<float> other = wide_values(rows * cols, 58, -3, 3);
        auto* const out =
            reinterpret_cast<double*>(room_for(static_cast<std::size_t>(rows) * sizeof(double)));
        lane_->row_products(put(one), put(other), rows, cols, out);
        const std::vector<double> found = get(out, rows);
        for (std::int64_t row = 0; row < rows; ++row) {
            double sum = 0;
            double size = 0;
            for (std::int64_t j = 0; j < cols; ++j) {
                const auto at = static_cast<std::size_t>(row * cols + j);
                sum += double{one[at]} * double{other[at]};
                size += std::abs(double{one[at]} * double{other[at]});
            }
            // Either sum is off by so much.
            EXPECT_NEAR(found[static_cast<std::size_t>(row)], sum,
                        2 * static_cast<double>(cols) * std::ldexp(size, -53));
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
