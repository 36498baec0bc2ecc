// Runs with the module that is made up for tests and, where there is a card, with the true one:
// products.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

constexpr std::array kWeightTypes{ScalarType::bfloat16, ScalarType::float16, ScalarType::float32};

struct ProductSample {
    std::int64_t tokens = 0;
    std::int64_t cols = 0;
    std::int64_t rows = 0;
    ScalarType type{};
    bool has_bias = false;
    bool add_to_it = false;

    std::string name() const {
        return std::to_string(tokens) + " tokens, " + std::to_string(rows) + "x" +
               std::to_string(cols) + " weights in " + std::string(support::name_of(type)) +
               (has_bias ? ", with bias" : "") + (add_to_it ? ", added" : "");
    }
};

/// Values of a sample, as float32 holds them.
struct ProductValues {
    std::vector<float> input;
    std::vector<float> weights;  ///< as they are stored
    std::vector<float> bias;
    std::vector<float> before;
};

/// Activations from 1e-6 to 1e4. Every third output has weights of zero for those above 1, so that
/// the small ones show, and some weights are small.
ProductValues values_of(const ProductSample& sample) {
    ProductValues values{wide_values(sample.tokens * sample.cols, 1),
                         random_values(sample.rows * sample.cols, 2, 0.1),
                         random_values(sample.rows, 3, 10),
                         random_values(sample.tokens * sample.rows, 4, 10)};
    for (std::int64_t i = 0; i < sample.tokens * sample.cols; ++i) {
        float& value = values.input[static_cast<std::size_t>(i)];
        if (i % sample.cols % 4 != 1 && std::abs(value) > 1) {  // the large ones are in few columns
            value = 1 / value;
        }
    }
    for (std::int64_t i = 0; i < sample.rows * sample.cols; ++i) {
        float& weight = values.weights[static_cast<std::size_t>(i)];
        if (i / sample.cols % 3 == 2 && i % sample.cols % 4 == 1) {
            weight = 0;
        } else if (i % 7 == 3) {
            weight *= 1e-5F;
        }
    }
    values.weights = stored_in(sample.type, values.weights);
    return values;
}

/// What it should be, with how far off it may be in each precision.
struct ExactProduct {
    std::vector<double> out;
    std::vector<double> sizes;   ///< Σ |input|·|weight|
    std::vector<double> floors;  ///< what float16 loses of activations far below the largest one
    std::vector<double> others;  ///< |bias| + |before|
};

ExactProduct exact_product(const ProductSample& sample, const ProductValues& values) {
    double largest = 0;
    for (const float value : values.input) {
        largest = std::isfinite(value) ? std::max(largest, std::abs(static_cast<double>(value)))
                                       : largest;
    }
    ExactProduct exact;
    for (std::int64_t i = 0; i < sample.tokens * sample.rows; ++i) {
        const float* const input = values.input.data() + i / sample.rows * sample.cols;
        const float* const weights = values.weights.data() + i % sample.rows * sample.cols;
        double sum = 0;
        double size = 0;
        double of_weights = 0;
        for (std::int64_t col = 0; col < sample.cols; ++col) {
            const double weight = weights[col];
            sum += static_cast<double>(input[col]) * weight;
            size += std::abs(static_cast<double>(input[col]) * weight);
            of_weights += std::abs(weight);
        }
        const double bias =
            sample.has_bias
                ? static_cast<double>(values.bias[static_cast<std::size_t>(i % sample.rows)])
                : 0;
        const double before =
            sample.add_to_it ? static_cast<double>(values.before[static_cast<std::size_t>(i)]) : 0;
        exact.out.push_back(sum + bias + before);
        exact.sizes.push_back(size);
        // The largest one is brought to 2^13 at least, and the last bit of float16 is worth 2^-24.
        exact.floors.push_back(
            sample.type == ScalarType::float16 ? std::ldexp(largest, -25 - 13) * of_weights : 0);
        exact.others.push_back(std::abs(bias) + std::abs(before));
    }
    return exact;
}

/// Weights are exact, activations in parts.
double tolerance(const ProductSample& sample, const ExactProduct& exact, std::size_t at,
                 ForwardPrecision precision) {
    const double rounding = sample.type == ScalarType::bfloat16  ? parts_error(8, precision)
                            : sample.type == ScalarType::float16 ? parts_error(11, precision)
                                                                 : 0;
    return (rounding + sum_error(sample.cols)) * exact.sizes[at] + exact.floors[at] +
           4 * kFloatRounding * (exact.others[at] + exact.sizes[at]);
}

class LaneProducts : public ForwardLane {
  protected:
    struct Placed {
        float* input;
        std::byte* weights;
        float* bias;
        std::byte* doubled;  ///< nullptr: none
    };
    Placed place(const ProductSample& sample, const ProductValues& values) {
        return {put(values.input), put_as(sample.type, values.weights), put(values.bias), nullptr};
    }
    /// Each row of the weights twice.
    std::byte* put_doubled(const ProductSample& sample, const ProductValues& values) {
        std::vector<float> doubled;
        for (auto row = values.weights.begin(); row != values.weights.end(); row += sample.cols) {
            for (int copy = 0; copy < 2; ++copy) {
                doubled.insert(doubled.end(), row, row + sample.cols);
            }
        }
        return put_as(sample.type, doubled);
    }
    card::Product product(const ProductSample& sample, const Placed& placed, float* out) {
        return {placed.input, sample.tokens,   sample.cols, placed.weights,
                sample.type,  placed.doubled,  sample.rows, sample.has_bias ? placed.bias : nullptr,
                out,          sample.add_to_it};
    }
    void expect_near(const ProductSample& sample, const std::vector<float>& found,
                     const ExactProduct& exact, ForwardPrecision precision) {
        ASSERT_EQ(found.size(), exact.out.size());
        Comparison comparison;
        for (std::size_t i = 0; i < found.size(); ++i) {
            comparison.add(found[i], exact.out[i], tolerance(sample, exact, i, precision));
        }
        comparison.expect_all_near(sample.name() + ", " + std::string(linalg::name_of(precision)));
    }
    /// In all precisions, each twice, with the same bits.
    void expect_right(const ProductSample& sample, const ProductValues& values) {
        Placed placed = place(sample, values);
        expect_right(sample, values, placed);
        if (sample.type == ScalarType::bfloat16) {
            placed.doubled = put_doubled(sample, values);
            expect_right(sample, values, placed);
        }
    }
    void expect_right(const ProductSample& sample, const ProductValues& values,
                      const Placed& placed) {
        const ExactProduct exact = exact_product(sample, values);
        for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
            std::array<std::vector<float>, 2> found;
            for (std::vector<float>& each : found) {
                float* const out = put(values.before);
                lane_->multiply({{product(sample, placed, out)}}, precision);
                each = get(out, sample.tokens * sample.rows);
            }
            expect_near(sample, found[0], exact, precision);
            EXPECT_TRUE(same_bits(found[0], found[1])) << sample.name();
        }
    }
};

TEST_F(LaneProducts, AgreeWithSumsInDoubleForAllSizesAndTypes) {
    constexpr std::array<std::int64_t, 5> kRows{1, 130, 5, 33, 67};
    int number = 0;
    for (const std::int64_t tokens : {1, 3, 70, 130, 300}) {
        for (const std::int64_t cols : {1, 7, 24, 64, 200, 1031}) {
            for (const ScalarType type : kWeightTypes) {
                const ProductSample sample{tokens,
                                           cols,
                                           kRows[static_cast<std::size_t>(number) % kRows.size()],
                                           type,
                                           number % 2 == 1,
                                           number / 2 % 2 == 1};
                expect_right(sample, values_of(sample));
                ++number;
            }
        }
    }
}

TEST_F(LaneProducts, TakesInputsOfAnySize) {
    for (const ScalarType type : kWeightTypes) {
        for (const double exponent : {-25.0, -6.0, 0.0, 6.0, 25.0}) {
            const ProductSample sample{35, 200, 67, type};
            ProductValues values = values_of(sample);
            values.input = wide_values(35 * 200, 5, exponent - 3, exponent);
            expect_right(sample, values);
            std::fill(values.input.begin(), values.input.begin() + 10 * 200, 0.0F);
            expect_right(sample, values);
            std::fill(values.input.begin(), values.input.end(), 0.0F);
            expect_right(sample, values);
        }
    }
}

/// Slices of a tensor begin anywhere.
TEST_F(LaneProducts, TakesOperandsAtAnyPlace) {
    for (const ScalarType type : kWeightTypes) {
        const ProductSample sample{9, 7, 11, type, true};
        const ProductValues values = values_of(sample);
        const ExactProduct exact = exact_product(sample, values);
        Placed placed = place(sample, values);
        for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
            const ProductSample rest{8, 7, 10, type, true};
            float* const out = room(81);
            card::Product one = product(rest, placed, out + 1);
            one.input += 7;
            one.weights = placed.weights + 7 * support::size_of(type);
            one.bias += 1;
            lane_->multiply({{one}}, precision);
            const std::vector<float> found = get(out, 81);
            EXPECT_TRUE(std::isnan(found[0]));
            Comparison comparison;
            for (std::size_t i = 0; i < 80; ++i) {
                const std::size_t at = (i / 10 + 1) * 11 + i % 10 + 1;
                comparison.add(found[i + 1], exact.out[at],
                               tolerance(sample, exact, at, precision));
            }
            comparison.expect_all_near(sample.name());
        }
    }
}

/// As the projections to queries, keys and values have it, and the experts of a layer.
TEST_F(LaneProducts, ComputesSeveralAtOnce) {
    const ProductSample query{70, 200, 130, ScalarType::bfloat16, true};
    const ProductSample key{70, 200, 33, ScalarType::bfloat16, false, true};
    const ProductSample gate{70, 200, 33, ScalarType::float16};
    const ProductSample router{70, 200, 8, ScalarType::float32};
    const ProductSample other{13, 64, 33, ScalarType::bfloat16};
    const ProductSample none{0, 200, 33, ScalarType::bfloat16, true};
    const std::vector<ProductSample> samples{query, none, other, key, gate, router};
    const ProductValues of_query = values_of(query);
    float* const input = put(of_query.input);
    for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
        std::vector<card::Product> products;
        std::vector<ExactProduct> exact;
        std::vector<std::vector<float>> alone;
        for (const ProductSample& sample : samples) {
            ProductValues values = values_of(sample);
            Placed placed = place(sample, values);
            if (sample.tokens != other.tokens) {
                values.input = of_query.input;
                placed.input = input;
            }
            exact.push_back(exact_product(sample, values));
            float* const out = put(values.before);
            lane_->multiply({{product(sample, placed, out)}}, precision);
            alone.push_back(get(out, sample.tokens * sample.rows));
            products.push_back(product(sample, placed, put(values.before)));
        }
        lane_->multiply(products, precision);
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const auto found = get(products[i].out, samples[i].tokens * samples[i].rows);
            if (samples[i].tokens > 0) {
                expect_near(samples[i], found, exact[i], precision);
            }
            EXPECT_TRUE(same_bits(found, alone[i])) << samples[i].name();
        }
        lane_->multiply({}, precision);
        lane_->multiply({{products[1]}}, precision);
    }
}

/// The tokens and outputs that have none are as they would be without.
TEST_F(LaneProducts, ShowWhatIsNoNumber) {
    for (const ScalarType type : kWeightTypes) {
        const ProductSample sample{70, 64, 33, type, true};
        ProductValues values = values_of(sample);
        values.input[1 * 64 + 5] = std::numeric_limits<float>::quiet_NaN();
        values.input[17 * 64 + 63] = std::numeric_limits<float>::infinity();
        values.input[69 * 64 + 0] = -std::numeric_limits<float>::infinity();
        expect_right(sample, values);
        values.weights[7 * 64 + 30] = std::numeric_limits<float>::quiet_NaN();
        values.weights[8 * 64 + 31] = std::numeric_limits<float>::infinity();
        values.bias[9] = std::numeric_limits<float>::quiet_NaN();
        expect_right(sample, values);
    }
}

}  // namespace
}  // namespace alphaprune::test
