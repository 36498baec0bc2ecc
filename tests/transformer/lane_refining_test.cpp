// What ALPS asks of a card between products: choices of weights, sums over them, and rows in
// conjugate gradients.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

/// Nonzero for about one value in so many.
std::vector<std::uint8_t> some_marks(std::int64_t count, std::uint64_t seed, int one_in) {
    std::vector<std::uint8_t> marks;
    for (const float value : random_values(count, seed)) {
        const int number = static_cast<int>((value + 1) * 1e6F);
        marks.push_back(number % one_in == 0 ? static_cast<std::uint8_t>(1 + number % 255) : 0);
    }
    return marks;
}

std::uint32_t magnitude_bits(float value) {
    return std::bit_cast<std::uint32_t>(std::abs(value));
}

class LaneChoices : public ForwardLane {
  protected:
    std::uint8_t* room_of_bytes(std::int64_t count) {
        return reinterpret_cast<std::uint8_t*>(room_for(static_cast<std::size_t>(count)));
    }
    std::vector<std::uint8_t> choose(linalg::GroupChoice work, const std::vector<float>& values,
                                     const std::vector<std::uint8_t>& gone) {
        work.values = put(values);
        work.gone = gone.empty() ? nullptr : put(gone);
        work.stays = room_of_bytes(std::ssize(values));
        lane_->choose_in_groups(work);
        return get(work.stays, std::ssize(values));
    }
};

TEST_F(LaneChoices, KeepLargerMagnitudes) {
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        std::vector<float> values = wide_values(count, 31);
        if (count > 7) {
            values[3] = 0.25F;
            values[4] = -0.25F;
            values[5] = std::nextafter(-0.25F, -1.0F);
            values[6] = std::numeric_limits<float>::infinity();
        }
        for (const bool has_gone : {false, true}) {
            const auto gone = some_marks(has_gone ? count : 0, 32, 5);
            for (const std::uint32_t bound : {0U, magnitude_bits(0.25F)}) {
                std::uint8_t* const stays = room_of_bytes(count);
                lane_->choose_larger(
                    {put(values), has_gone ? put(gone) : nullptr, count, bound, stays});
                std::vector<std::uint8_t> expected;
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const bool is_gone = has_gone && gone[i] != 0;
                    const bool is_larger = std::abs(values[i]) > std::bit_cast<float>(bound);
                    expected.push_back(is_larger && !is_gone ? 1 : 0);
                }
                EXPECT_EQ(get(stays, count), expected);
            }
        }
    }
}

/// By a stable sort of each group, with ties and zeros of either sign among the values.
TEST_F(LaneChoices, DropTheSmallestOfEachGroup) {
    struct Rule {
        int group, removed;
    };
    for (const Rule& rule : {Rule{4, 2}, {8, 4}, {16, 5}, {2, 1}, {3, 2}, {4, 0}, {16, 16}}) {
        for (const std::int64_t rows : {1, 1000}) {
            for (const std::int64_t cols : {1, 33, 300}) {
                std::vector<float> values = random_values(rows * cols, 33);
                for (std::size_t i = 0; i < values.size(); i += 2) {
                    values[i] = std::round(2 * values[i]);
                }
                const auto gone = some_marks(cols == 33 ? 0 : rows * cols, 34, 4);
                linalg::GroupChoice work;
                work.rows = rows;
                work.cols = cols;
                work.group = rule.group;
                work.removed = rule.removed;
                std::vector<std::uint8_t> expected(values.size(), 1);
                for (std::int64_t at = 0; at < rows * cols;) {
                    const std::int64_t width = std::min<std::int64_t>(rule.group, cols - at % cols);
                    std::vector<std::size_t> order(static_cast<std::size_t>(width));
                    std::iota(order.begin(), order.end(), static_cast<std::size_t>(at));
                    const auto rank = [&](std::size_t i) {
                        return !gone.empty() && gone[i] != 0 ? -1.0F : std::abs(values[i]);
                    };
                    std::ranges::stable_sort(order, {}, rank);
                    const std::int64_t removed = width * rule.removed / rule.group;
                    for (std::int64_t i = 0; i < width; ++i) {
                        const std::size_t one = order[static_cast<std::size_t>(i)];
                        expected[one] = i < removed || rank(one) < 0 ? 0 : 1;
                    }
                    at += width;
                }
                EXPECT_EQ(choose(work, values, gone), expected)
                    << rule.removed << ":" << rule.group << ", " << rows << " × " << cols;
            }
        }
    }
}

/// Out of place and in either place; each value with the factor of where it is.
TEST_F(LaneChoices, AddWhatIsChosen) {
    struct Factors {
        float if_stays, if_goes;
    };
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        const std::vector<float> base = wide_values(count, 35, -2, 1);
        const std::vector<float> values = wide_values(count, 36, -2, 1);
        const auto stays = some_marks(count, 37, 2);
        for (const Factors& factors : {Factors{1, 0.3F}, {0, -0.7F}, {1, 0}, {0, 0}}) {
            // Where they do not count they are no numbers.
            std::vector<float> given = values;
            for (std::size_t i = 0; i < given.size(); ++i) {
                if ((stays[i] != 0 ? factors.if_stays : factors.if_goes) == 0) {
                    given[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                          : std::numeric_limits<float>::infinity();
                }
            }
            for (const int place : {0, 1, 2, 3}) {  // apart, no base, in the base, in the values
                linalg::ChosenSum work;
                float* const there = put(given);
                float* const from = put(base);
                work.base = place == 1 ? nullptr : from;
                work.values = there;
                work.stays = put(stays);
                work.count = count;
                work.if_stays = factors.if_stays;
                work.if_goes = factors.if_goes;
                work.out = place == 2 ? from : place == 3 ? there : room(count);
                lane_->add_chosen(work);
                const std::vector<float> found = get(work.out, count);
                Comparison comparison;
                comparison.add(0, 0, 0);
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const double factor = stays[i] != 0 ? factors.if_stays : factors.if_goes;
                    const double begin = place == 1 ? 0 : double{base[i]};
                    const double change = factor * double{values[i]};
                    comparison.add(found[i], begin + change,
                                   1.001 * kFloatRounding *
                                       (std::abs(change) + std::abs(begin + change)) *
                                       (factor == 0 ? 0 : 1));
                }
                comparison.expect_all_near(std::to_string(count) + " in place " +
                                           std::to_string(place));
            }
        }
    }
}

TEST_F(LaneChoices, ShowValuesThatCountAndAreNoNumbers) {
    const std::vector<float> values(40, std::numeric_limits<float>::quiet_NaN());
    float* const out = room(40);
    lane_->add_chosen(
        {nullptr, put(values), put(std::vector<std::uint8_t>(40, 1)), 40, 0.5F, 0, out});
    for (const float value : get(out, 40)) {
        EXPECT_TRUE(std::isnan(value));
    }
}

TEST_F(LaneChoices, LookAtTheSupport) {
    for (const std::int64_t count : {0, 1, 33, 300'001}) {
        std::uint8_t* const support = room_of_bytes(count);
        lane_->clear(support, static_cast<std::size_t>(count));
        std::vector<std::uint8_t> expected(static_cast<std::size_t>(count), 0);
        for (const std::uint64_t seed : {40, 41, 41}) {
            std::vector<float> values = random_values(count, seed);
            for (std::size_t i = 0; i < values.size(); i += 5) {
                values[i] = i % 2 == 0 ? 0.0F : -0.0F;
            }
            const auto stays = some_marks(count, seed + 10, 2);
            std::int64_t changed = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                const std::uint8_t now = values[i] != 0 && stays[i] != 0 ? 1 : 0;
                changed += now != expected[i] ? 1 : 0;
                expected[i] = now;
            }
            EXPECT_EQ(lane_->look_at_support({put(values), put(stays), count, support}), changed);
            EXPECT_EQ(get(support, count), expected);
        }
    }
}

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
