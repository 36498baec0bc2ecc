// What a card does between products: norms, activations, rotations, rows that are moved.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

class LaneSteps : public ForwardLane {
  protected:
    void expect_norm(card::Norm norm, const std::vector<float>& values, bool in_place);
    std::vector<float> scattered(card::Scattering work, const std::vector<float>& sum) {
        work.sum = put(sum);
        lane_->scatter(work);
        return get(work.sum, std::ssize(sum));
    }
};

/// With weights and biases of its own where it has any. Mean and factor may be rounded to float32.
void LaneSteps::expect_norm(card::Norm norm, const std::vector<float>& values, bool in_place) {
    const std::vector<float> weights = random_values(norm.width, 8, 3);
    const std::vector<float> biases = random_values(norm.width, 9, 3);
    const bool weighs = norm.weights != nullptr;
    const bool shifts = norm.biases != nullptr;
    norm.values = put(values);
    norm.out = in_place ? const_cast<float*>(norm.values) : room(norm.rows * norm.width);
    norm.weights = weighs ? put(weights) : nullptr;
    norm.biases = shifts ? put(biases) : nullptr;
    lane_->norm(norm);
    const std::vector<float> found = get(norm.out, norm.rows * norm.width);
    const auto width = static_cast<std::size_t>(norm.width);
    Comparison comparison;
    for (std::size_t at = 0; at < found.size(); at += width) {
        const auto row = std::span(values).subspan(at, width);
        double mean = 0;
        for (const float value : row) {
            mean += norm.centered ? static_cast<double>(value) / static_cast<double>(width) : 0;
        }
        double squares = 0;
        for (const float value : row) {
            squares += std::pow(static_cast<double>(value) - mean, 2);
        }
        const double factor = 1 / std::sqrt(squares / static_cast<double>(width) + norm.epsilon);
        for (std::size_t i = 0; i < width; ++i) {
            const double weight = weighs ? static_cast<double>(weights[i]) + norm.unit_offset : 1;
            const double bias = shifts ? static_cast<double>(biases[i]) : 0;
            const double scaled = (static_cast<double>(row[i]) - mean) * factor * weight;
            const double size = std::abs(scaled) + std::abs(mean * factor * weight);
            comparison.add(found[at + i], scaled + bias,
                           5 * kFloatRounding * (size + std::abs(bias)));
        }
    }
    comparison.expect_all_near("norm of width " + std::to_string(norm.width));
}

TEST_F(LaneSteps, NormsRows) {
    const float any = 0;  // stands for those of the test
    for (const std::int64_t width : {1, 7, 64, 200, 1031, 5000}) {
        for (int kind = 0; kind < 8; ++kind) {
            card::Norm norm;
            norm.rows = 13;
            norm.width = width;
            norm.epsilon = 1e-5;
            norm.centered = kind % 2 == 1;
            norm.weights = kind / 2 % 2 == 1 ? &any : nullptr;
            norm.unit_offset = kind == 2 || kind == 6;
            norm.biases = kind >= 4 ? &any : nullptr;
            std::vector<float> values = wide_values(13 * width, 1);
            expect_norm(norm, values, kind >= 4);
            values = random_values(13 * width, 2, 1e-4);
            std::fill(values.begin(), values.begin() + width, 0.0F);
            std::for_each(values.begin() + width, values.begin() + 3 * width,
                          [](float& value) { value += 100; });
            std::for_each(values.begin() + 3 * width, values.begin() + 4 * width,
                          [](float& value) { value *= 1e30F; });
            expect_norm(norm, values, kind < 4);
            values[static_cast<std::size_t>(5 * width)] = std::numeric_limits<float>::quiet_NaN();
            expect_norm(norm, values, false);
        }
    }
    lane_->norm({.rows = 0, .width = 64, .epsilon = 1});
}

double activated(card::Activation activation, double x) {
    switch (activation) {
        case card::Activation::silu:
            return x / (1 + std::exp(-x));
        case card::Activation::relu:
            return x < 0 ? 0 : x;
        case card::Activation::gelu:
            return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        case card::Activation::gelu_tanh:
            return 0.5 * x *
                   (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
        default:
            return x / (1 + std::exp(-1.702 * x));
    }
}

/// From tiny values to large ones of both signs, and what is no number.
std::vector<float> gate_values(std::int64_t count) {
    std::vector<float> values = random_values(count, 4, 20);
    const std::vector<float> wide = wide_values(count / 2, 5);
    std::copy(wide.begin(), wide.end(), values.begin());
    values[3] = std::numeric_limits<float>::quiet_NaN();
    values[4] = std::numeric_limits<float>::infinity();
    values[5] = 0;
    values[6] = -1000;
    return values;
}

TEST_F(LaneSteps, GatesByEachActivation) {
    constexpr std::int64_t kCount = 10007;
    const std::vector<float> gate = gate_values(kCount);
    const std::vector<float> up = wide_values(kCount, 6, -3, 2);
    const float* const up_there = put(up);
    for (const auto activation :
         {card::Activation::silu, card::Activation::relu, card::Activation::gelu,
          card::Activation::gelu_tanh, card::Activation::quick_gelu}) {
        for (const float* const given : {up_there, static_cast<const float*>(nullptr)}) {
            float* const there = put(gate);
            lane_->gate({there, given, kCount, activation});
            const std::vector<float> found = get(there, kCount);
            Comparison comparison;
            for (std::size_t i = 0; i < found.size(); ++i) {
                const double x = gate[i];
                const double factor = given == nullptr ? 1 : static_cast<double>(up[i]);
                comparison.add(found[i], activated(activation, x) * factor,
                               16 * kFloatRounding * std::abs(x * factor));
            }
            comparison.expect_all_near("activation " +
                                       std::to_string(static_cast<int>(activation)));
        }
    }
    lane_->gate({put(gate), up_there, 0, card::Activation::silu});
}

TEST_F(LaneSteps, ClampsGates) {
    constexpr std::int64_t kCount = 1031;
    const std::vector<float> gate = gate_values(kCount);
    std::vector<float> up = random_values(kCount, 6, 20);
    up[9] = std::numeric_limits<float>::quiet_NaN();
    float* const there = put(gate);
    lane_->gate({there, put(up), kCount, card::Activation::clamped_gate, 7, 1.702F});
    const std::vector<float> found = get(there, kCount);
    Comparison comparison;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double g = gate[i] > 7 ? 7 : gate[i];
        const double u = up[i] > 7 ? 7 : up[i] < -7 ? -7 : up[i];
        comparison.add(found[i], g / (1 + std::exp(-static_cast<double>(1.702F) * g)) * (u + 1),
                       16 * kFloatRounding * std::abs(g) * (std::abs(u) + 1));
    }
    comparison.expect_all_near("clamped gate");
}

TEST_F(LaneSteps, RotatesPairs) {
    for (const auto& [tokens, heads, head_size, first, pairs] :
         std::vector<std::array<std::int64_t, 5>>{{1, 1, 8, 0, 4},
                                                  {70, 3, 64, 0, 32},
                                                  {130, 2, 80, 0, 10},
                                                  {33, 5, 192, 128, 32},
                                                  {3, 2, 24, 5, 7},
                                                  {3, 2, 24, 5, 0},
                                                  {0, 2, 24, 0, 12}}) {
        const auto size = static_cast<std::size_t>(tokens * heads * head_size);
        for (const bool interleaved : {false, true}) {
            const std::vector<float> before = wide_values(tokens * heads * head_size, 1);
            const std::vector<float> cos = random_values(tokens * pairs, 2);
            const std::vector<float> sin = random_values(tokens * pairs, 3);
            float* const there = put(before);
            lane_->rotate(
                {there, tokens, heads, head_size, first, pairs, interleaved, put(cos), put(sin)});
            std::vector<double> expected(before.begin(), before.end());
            std::vector<double> sizes(size, 0);
            for (std::int64_t row = 0; row < tokens * heads; ++row) {
                for (std::int64_t pair = 0; pair < pairs; ++pair) {
                    const std::int64_t begin = row * head_size + first;
                    const auto at =
                        static_cast<std::size_t>(begin + (interleaved ? 2 * pair : pair));
                    const std::size_t other =
                        at + (interleaved ? 1 : static_cast<std::size_t>(pairs));
                    const auto turn = static_cast<std::size_t>(row / heads * pairs + pair);
                    const double a = before[at];
                    const double b = before[other];
                    const double c = cos[turn];
                    const double s = sin[turn];
                    expected[at] = a * c - b * s;
                    expected[other] = b * c + a * s;
                    sizes[at] = std::abs(a * c) + std::abs(b * s);
                    sizes[other] = std::abs(b * c) + std::abs(a * s);
                }
            }
            const std::vector<float> found = get(there, tokens * heads * head_size);
            Comparison comparison;
            for (std::size_t i = 0; i < size; ++i) {
                comparison.add(found[i], expected[i], 3 * kFloatRounding * sizes[i]);
            }
            if (size > 0) {
                comparison.expect_all_near("heads of " + std::to_string(head_size));
            }
        }
    }
}

TEST_F(LaneSteps, CopiesRowsAndLeavesTheRest) {
    for (const std::int64_t repeat : {1, 3}) {
        for (const std::int64_t width : {1, 7, 64, 130}) {
            constexpr std::int64_t kRows = 300;
            const std::vector<float> from = random_values(kRows * 200, 1);
            const std::vector<float> before = random_values(kRows * 150, 2);
            float* const there = put(before);
            lane_->copy_rows({put(from) + 5, 200, repeat, there + 9, 150, kRows, width});
            std::vector<float> expected = before;
            for (std::int64_t row = 0; row < kRows; ++row) {
                std::copy_n(from.begin() + row / repeat * 200 + 5, width,
                            expected.begin() + row * 150 + 9);
            }
            EXPECT_TRUE(same_bits(get(there, kRows * 150), expected)) << width;
        }
    }
    lane_->copy_rows({.from_stride = 4, .to_stride = 4, .rows = 0, .width = 4});
}

TEST_F(LaneSteps, GathersAndScattersRows) {
    for (const std::int64_t width : {1, 7, 64, 1031}) {
        const std::vector<float> table = wide_values(50 * width, 1);
        const std::vector<std::int32_t> indices{49, 3, 3, 0, 17, 49, 8};
        float* const rows = room(7 * width);
        lane_->gather({put(table), put(indices), rows, 7, width});
        std::vector<float> expected;
        for (const std::int32_t index : indices) {
            const auto row = table.begin() + index * width;
            expected.insert(expected.end(), row, row + width);
        }
        EXPECT_TRUE(same_bits(get(rows, 7 * width), expected)) << width;

        const std::vector<std::int32_t> once{49, 3, 12, 0, 17, 21, 8};
        const std::vector<float> factors{1, -2, 0.3F, 30, -30, 0, 1e-6F};
        const float* const weights = put(factors);
        const std::int32_t* const places = put(once);
        for (int kind = 0; kind < 6; ++kind) {
            const bool has_indices = kind % 2 == 1;
            const bool has_factors = kind >= 2;
            const bool as_gates = kind >= 4;
            const std::vector<float> found =
                scattered({nullptr, has_indices ? places : nullptr, has_factors ? weights : nullptr,
                           as_gates, rows, 7, width},
                          table);
            std::vector<double> sums(table.begin(), table.end());
            std::vector<double> sizes(table.size(), 0);
            for (std::int64_t i = 0; i < 7 * width; ++i) {
                const auto row = static_cast<std::size_t>(i / width);
                const auto at = static_cast<std::size_t>(
                    (has_indices ? std::int64_t{once[row]} : i / width) * width + i % width);
                double factor = has_factors ? static_cast<double>(factors[row]) : 1;
                factor = as_gates ? 1 / (1 + std::exp(-factor)) : factor;
                const double term =
                    factor * static_cast<double>(expected[static_cast<std::size_t>(i)]);
                sizes[at] = std::abs(sums[at]) + 8 * std::abs(term);
                sums[at] += term;
            }
            Comparison comparison;
            for (std::size_t i = 0; i < found.size(); ++i) {
                comparison.add(found[i], sums[i], 2 * kFloatRounding * sizes[i]);
            }
            comparison.expect_all_near("scattering " + std::to_string(kind));
        }
    }
    lane_->gather({.rows = 0, .width = 4});
    lane_->scatter({.rows = 0, .width = 4});
}

TEST_F(LaneSteps, AddsMultiples) {
    const std::vector<float> sum = wide_values(10007, 1);
    const std::vector<float> added = wide_values(10007, 2);
    for (const float factor : {1.0F, -0.22F}) {
        float* const there = put(sum);
        lane_->add({there, put(added), 10007, factor});
        const std::vector<float> found = get(there, 10007);
        Comparison comparison;
        for (std::size_t i = 0; i < found.size(); ++i) {
            const double term = static_cast<double>(factor) * static_cast<double>(added[i]);
            comparison.add(
                found[i], static_cast<double>(sum[i]) + term,
                2 * kFloatRounding * (std::abs(static_cast<double>(sum[i])) + std::abs(term)));
        }
        comparison.expect_all_near("sums");
    }
    lane_->add({});
}

/// In float64, rounded once: half a unit in the last place.
TEST_F(LaneSteps, SumsSquaresOfColumns) {
    for (const std::int64_t rows : {1, 3, 130, 5000}) {
        for (const std::int64_t cols : {1, 7, 200, 1031}) {
            const std::vector<float> values = wide_values(rows * cols, 3);
            const float* const there = put(values);
            float* const sums = room(cols);
            lane_->column_squares(there, rows, cols, sums);
            const std::vector<float> found = get(sums, cols);
            Comparison comparison;
            for (std::int64_t col = 0; col < cols; ++col) {
                double sum = 0;
                for (std::int64_t row = 0; row < rows; ++row) {
                    sum += std::pow(
                        static_cast<double>(values[static_cast<std::size_t>(row * cols + col)]), 2);
                }
                comparison.add(found[static_cast<std::size_t>(col)], sum,
                               kFloatRounding * sum * (1 + 1e-6));
            }
            comparison.expect_all_near(std::to_string(rows) + " rows");
            lane_->column_squares(there, rows, cols, sums);
            EXPECT_TRUE(same_bits(found, get(sums, cols)));
        }
    }
    float* const sums = room(3);
    lane_->column_squares(nullptr, 0, 3, sums);
    EXPECT_EQ(get(sums, 3), std::vector<float>(3, 0.0F));
}

}  // namespace
}  // namespace alphaprune::test
