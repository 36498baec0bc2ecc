// Linear algebra on a card: matrices that are factored, solved with and multiplied.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

const double kDoubleRounding = std::ldexp(1.0, -53);

/// Square, in float64.
struct SquareMatrix {
    std::int64_t order = 0;
    std::vector<double> values{};

    explicit SquareMatrix(std::int64_t n)
        : order(n), values(static_cast<std::size_t>(n * n), 0.0) {}
    double& at(std::int64_t i, std::int64_t j) {
        return values[static_cast<std::size_t>(i * order + j)];
    }
    double at(std::int64_t i, std::int64_t j) const {
        return values[static_cast<std::size_t>(i * order + j)];
    }
    SquareMatrix transposed() const {
        SquareMatrix other(order);
        for (std::int64_t i = 0; i < order * order; ++i) {
            other.at(i % order, i / order) = at(i / order, i % order);
        }
        return other;
    }
    SquareMatrix magnitudes() const {
        SquareMatrix other = *this;
        for (double& value : other.values) {
            value = std::abs(value);
        }
        return other;
    }
    friend SquareMatrix operator*(const SquareMatrix& one, const SquareMatrix& other) {
        SquareMatrix product(one.order);
        for (std::int64_t i = 0; i < one.order; ++i) {
            for (std::int64_t k = 0; k < one.order; ++k) {
                for (std::int64_t j = 0; j < one.order; ++j) {
                    product.at(i, j) += one.at(i, k) * other.at(k, j);
                }
            }
        }
        return product;
    }
    friend SquareMatrix operator+(const SquareMatrix& one, const SquareMatrix& other) {
        SquareMatrix sum = one;
        for (std::size_t i = 0; i < sum.values.size(); ++i) {
            sum.values[i] += other.values[i];
        }
        return sum;
    }
};

/// |found − expected| ≤ factor·size, in all places.
void expect_near(const SquareMatrix& found, const SquareMatrix& expected, double factor,
                 const SquareMatrix& size) {
    std::int64_t wrong = 0;
    double worst = 0;
    for (std::size_t i = 0; i < found.values.size(); ++i) {
        const double off = std::abs(found.values[i] - expected.values[i]);
        wrong += off <= factor * size.values[i] ? 0 : 1;  // NaN, too
        worst = std::max(worst, size.values[i] > 0 ? off / (factor * size.values[i]) : 0);
    }
    EXPECT_EQ(wrong, 0) << "of order " << found.order << "; the farthest is " << worst
                        << " times its tolerance away";
}

SquareMatrix identity(std::int64_t order) {
    SquareMatrix one(order);
    for (std::int64_t i = 0; i < order; ++i) {
        one.at(i, i) = 1;
    }
    return one;
}

/// Positive definite, far from singular: scaled Gram sums whose diagonal is half as large again.
struct ScaledSample {
    SquareMatrix sums;   ///< NaN below the diagonal
    SquareMatrix whole;  ///< A
    std::vector<double> scale, diagonal;

    explicit ScaledSample(std::int64_t order) : sums(order), whole(order) {
        const std::vector<float> x = random_values(order * order, 11);
        const std::vector<float> scales = random_values(order, 12);
        for (const float value : scales) {
            scale.push_back(std::exp2(static_cast<double>(value)));
        }
        for (std::int64_t i = 0; i < order; ++i) {
            for (std::int64_t j = 0; j < order; ++j) {
                const auto row = static_cast<std::size_t>(i);
                const auto col = static_cast<std::size_t>(j);
                double sum = 0;
                for (std::size_t k = 0; k < static_cast<std::size_t>(order); ++k) {
                    const auto n = static_cast<std::size_t>(order);
                    sum += double{x[row * n + k]} * double{x[col * n + k]};
                }
                sums.at(i, j) = j < i ? std::numeric_limits<double>::quiet_NaN() : sum;
                whole.at(i, j) = sum * scale[row] * scale[col] * (i == j ? 1.5 : 1);
            }
            diagonal.push_back(whole.at(i, i));
        }
    }
};

class LaneAlgebra : public ForwardLane {
  protected:
    double* room_of_doubles(std::int64_t count) {
        return reinterpret_cast<double*>(room_for(static_cast<std::size_t>(count) * 8));
    }
    linalg::ScaledSums put_sums(const ScaledSample& sample) {
        return {put(sample.sums.values), sample.sums.order, sample.scale, sample.diagonal};
    }
    bool factors(const ScaledSample& sample, bool reversed) {
        return lane_->factor(put_sums(sample), reversed,
                             room_of_doubles(sample.sums.order * sample.sums.order));
    }
    /// L as it lies there.
    SquareMatrix get_lower(const double* from, std::int64_t order) {
        const std::vector<double> columns = get(from, order * order);
        SquareMatrix lower(order);
        for (std::int64_t col = 0; col < order; ++col) {
            for (std::int64_t row = col; row < order; ++row) {
                lower.at(row, col) = columns[static_cast<std::size_t>(col * order + row)];
            }
        }
        return lower;
    }
    SquareMatrix get_floats(const float* from, std::int64_t order) {
        const std::vector<float> values = get(from, order * order);
        SquareMatrix matrix(order);
        std::ranges::copy(values, matrix.values.begin());
        return matrix;
    }
};

SquareMatrix reversed_rows_and_columns(const SquareMatrix& matrix) {
    SquareMatrix other = matrix;
    std::ranges::reverse(other.values);
    return other;
}

TEST_F(LaneAlgebra, MakesScaledSums) {
    for (const std::int64_t order : {1, 33, 300}) {
        const ScaledSample sample(order);
        float* const out = room(order * order);
        lane_->make_scaled(put_sums(sample), out);
        expect_near(get_floats(out, order), sample.whole, 1.001 * kFloatRounding,
                    sample.whole.magnitudes());
    }
}

TEST_F(LaneAlgebra, FactorsFromEitherEnd) {
    for (const std::int64_t order : {1, 2, 33, 300}) {
        const ScaledSample sample(order);
        for (const bool reversed : {false, true}) {
            const linalg::ScaledSums sums = put_sums(sample);
            double* const out = room_of_doubles(order * order);
            ASSERT_TRUE(lane_->factor(sums, reversed, out));
            const SquareMatrix lower = get_lower(out, order);
            expect_near(lower * lower.transposed(),
                        reversed ? reversed_rows_and_columns(sample.whole) : sample.whole,
                        static_cast<double>(2 * order + 8) * kDoubleRounding,
                        lower.magnitudes() * lower.magnitudes().transposed());
            double* const again = room_of_doubles(order * order);
            ASSERT_TRUE(lane_->factor(sums, reversed, again));
            EXPECT_TRUE(same_bits(get_lower(again, order).values, lower.values));
        }
    }
}

/// In one place at a time; and works again after it.
TEST_F(LaneAlgebra, TellsWhatIsNotPositiveDefinite) {
    const double no_number = std::numeric_limits<double>::quiet_NaN();
    const double infinite = std::numeric_limits<double>::infinity();
    for (const std::int64_t order : {1, 33, 300}) {
        const ScaledSample sample(order);
        for (const bool reversed : {false, true}) {
            for (const std::int64_t at : {std::int64_t{0}, order / 2, order - 1}) {
                for (const double bad : {-1.0, 0.0, no_number, infinite}) {
                    ScaledSample changed = sample;
                    changed.diagonal[static_cast<std::size_t>(at)] = bad;
                    EXPECT_FALSE(factors(changed, reversed)) << bad << " at " << at;
                }
            }
            for (const double bad : {no_number, -infinite, 1e6}) {
                ScaledSample changed = sample;
                if (order > 1) {
                    changed.sums.at(order / 3, order - 2) = bad;
                    EXPECT_FALSE(factors(changed, reversed)) << bad;
                }
            }
            EXPECT_TRUE(factors(sample, reversed));
        }
    }
}

/// With M = JLJ, each row of U solves uM = e: |UM − I| ≤ ε|U||M|. Then, M being almost the inverse
/// of U, UᵀUA − I = M⁻ᵀ(E + Eᵀ)Mᵀ with E = UM − I.
TEST_F(LaneAlgebra, InvertsAFactor) {
    for (const std::int64_t order : {1, 2, 33, 129, 300}) {
        const ScaledSample sample(order);
        double* const lower = room_of_doubles(order * order);
        ASSERT_TRUE(lane_->factor(put_sums(sample), true, lower));
        const SquareMatrix other = reversed_rows_and_columns(get_lower(lower, order));
        float* const out = room(order * order);
        lane_->invert_reversed(lower, order, out);
        const SquareMatrix upper = get_floats(out, order);
        for (std::int64_t i = 0; i < order; ++i) {
            for (std::int64_t j = 0; j < i; ++j) {
                ASSERT_EQ(upper.at(i, j), 0) << i << ", " << j;
            }
        }
        const double off = 2 * sum_error(order);
        const SquareMatrix size = upper.magnitudes() * other.magnitudes();
        expect_near(upper * other, identity(order), off, size);
        expect_near(upper.transposed() * upper * sample.whole, identity(order), 1.01 * off,
                    upper.magnitudes().transposed() * (size + size.transposed()) *
                        other.magnitudes().transposed());
    }
}

TEST_F(LaneAlgebra, SolvesForRows) {
    for (const std::int64_t order : {1, 33, 300}) {
        const ScaledSample sample(order);
        double* const there = room_of_doubles(order * order);
        ASSERT_TRUE(lane_->factor(put_sums(sample), false, there));
        float* const rounded = room(order * order);  // what is above the diagonal is NaN, or left
        lane_->round_to_float(there, order * order, 1, rounded);
        const SquareMatrix lower = get_floats(rounded, order).transposed();
        SquareMatrix clean(order);
        for (std::int64_t i = 0; i < order; ++i) {
            for (std::int64_t j = 0; j <= i; ++j) {
                clean.at(i, j) = lower.at(i, j);
            }
        }
        const SquareMatrix product = clean * clean.transposed();
        const SquareMatrix size = clean.magnitudes() * clean.magnitudes().transposed();
        for (const std::int64_t rows : {0, 1, 7, 1000}) {
            const std::vector<float> right = random_values(rows * order, 13);
            float* const values = put(right);
            lane_->solve(rounded, order, values, rows);
            const std::vector<float> found = get(values, rows * order);
            Comparison comparison;
            for (std::int64_t row = 0; row<rows; row += rows> 7 ? 37 : 1) {
                for (std::int64_t j = 0; j < order; ++j) {
                    double sum = 0;
                    double total = 0;
                    for (std::int64_t k = 0; k < order; ++k) {
                        const double x = found[static_cast<std::size_t>(row * order + k)];
                        sum += x * product.at(k, j);
                        total += std::abs(x) * size.at(k, j);
                    }
                    comparison.add(right[static_cast<std::size_t>(row * order + j)], sum,
                                   4 * sum_error(order) * total);
                }
            }
            if (rows > 0) {
                comparison.expect_all_near(std::to_string(rows) + " rows");
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
