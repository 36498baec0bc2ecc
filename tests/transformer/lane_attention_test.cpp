// Attention on a card, against its definition.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

struct LaneAttention {
    std::int64_t tokens = 1;
    std::int64_t heads = 1;
    std::int64_t key_value_heads = 1;
    std::int64_t head_size = 8;
    std::int64_t value_size = 8;
    std::int64_t window = 0;
    double softcap = 0;
    double slope = 0;  ///< of biases that grow with a key's position; 0: none
    std::vector<float> sinks{};
    double size = 1;  ///< of queries and keys
    double scale = 0.125;

    std::string name() const {
        return std::to_string(tokens) + " tokens, " + std::to_string(heads) + "/" +
               std::to_string(key_value_heads) + " heads of " + std::to_string(head_size) +
               " and " + std::to_string(value_size) + ", window " + std::to_string(window);
    }
};

struct AttentionInputs {
    std::vector<float> query;
    std::vector<float> key;
    std::vector<float> value;
    std::vector<float> biases;  ///< heads × tokens
};

AttentionInputs inputs_of(const LaneAttention& given) {
    const std::int64_t shared = given.tokens * given.key_value_heads;
    AttentionInputs inputs{
        random_values(given.tokens * given.heads * given.head_size, 1, given.size),
        random_values(shared * given.head_size, 2, given.size),
        wide_values(shared * given.value_size, 3, -3, 1),
        {}};
    for (std::int64_t i = 0; i < given.heads * given.tokens; ++i) {
        const double slope = given.slope / static_cast<double>(1 + i / given.tokens);
        inputs.biases.push_back(static_cast<float>(slope * static_cast<double>(i % given.tokens)));
    }
    return inputs;
}

/// One head's attention of one query, and how far off a result may be.
class ExactAttention {
  public:
    ExactAttention(const LaneAttention& given, const AttentionInputs& inputs,
                   ForwardPrecision precision)
        : given_(given), inputs_(inputs), operand_(parts_error(8, precision)) {}

    /// Scores of a query's keys, and by how much each may be off: both operands are in parts, the
    /// sum is in float32, and so are the score and what it is measured from.
    void begin(std::int64_t head, std::int64_t query) {
        head_ = head;
        first_ = given_.window == 0 ? 0 : std::max<std::int64_t>(0, query + 1 - given_.window);
        scores_.clear();
        errors_.clear();
        const auto bias = [&](std::int64_t position) {
            return static_cast<double>(
                inputs_.biases[static_cast<std::size_t>(head * given_.tokens + position)]);
        };
        for (std::int64_t key = first_; key <= query; ++key) {
            double score = 0;
            double size = 0;
            for (std::int64_t i = 0; i < given_.head_size; ++i) {
                const double term = at(inputs_.query, query * given_.heads + head, i) *
                                    at(inputs_.key, key * given_.key_value_heads + shared(), i);
                score += given_.scale * term;
                size += given_.scale * std::abs(term);
            }
            const double by_bias = given_.scale * (bias(key) - bias(query));
            score += by_bias;
            errors_.push_back((2 * operand_ + sum_error(given_.head_size)) * size +
                              4 * kFloatRounding * (std::abs(by_bias) + given_.softcap));
            scores_.push_back(
                given_.softcap > 0 ? given_.softcap * std::tanh(score / given_.softcap) : score);
        }
        weigh();
    }

    void compare(std::int64_t i, float found, Comparison& comparison) const {
        double sum = 0;
        double size = 0;
        double off = 0;
        double of_values = 0;
        for (std::size_t j = 0; j < scores_.size(); ++j) {
            const auto key = first_ + static_cast<std::int64_t>(j);
            const std::int64_t row = key * given_.key_value_heads + shared();
            const double value =
                inputs_.value[static_cast<std::size_t>(row * given_.value_size + i)];
            sum += weights_[j] * value;
            size += weights_[j] * std::abs(value);
            off += offs_[j] * std::abs(value);
            of_values += std::abs(value);
        }
        // A sum Σ p·v / Σ p whose p are each off by a factor; then what the product costs.
        const double by_scores = (off + total_off_ * std::abs(sum)) / (1 - total_off_);
        const double by_product =
            (2 * operand_ + sum_error(std::ssize(scores_)) + 8 * kFloatRounding) * size;
        EXPECT_FALSE(total_off_ > 0.5) << "the sample says nothing: " << total_off_;
        // Weights below the least normal number may be taken for zero.
        const double by_underflow = std::ldexp(of_values, -126);
        comparison.add(found, sum, by_scores + by_product + by_underflow);
    }

  private:
    std::int64_t shared() const { return head_ / (given_.heads / given_.key_value_heads); }
    double at(const std::vector<float>& values, std::int64_t row, std::int64_t i) const {
        return values[static_cast<std::size_t>(row * given_.head_size + i)];
    }
    void weigh() {
        const double sink =
            given_.sinks.empty()
                ? -std::numeric_limits<double>::infinity()
                : static_cast<double>(given_.sinks[static_cast<std::size_t>(head_)]);
        double largest = sink;
        for (const double score : scores_) {
            largest = std::max(largest, score);
        }
        weights_.clear();
        double total = std::exp(sink - largest);
        for (std::size_t j = 0; j < scores_.size(); ++j) {
            weights_.push_back(std::exp(scores_[j] - largest));
            total += weights_.back();
            errors_[j] += 4 * kFloatRounding * (std::abs(scores_[j]) + std::abs(largest) + 1);
        }
        offs_.clear();
        total_off_ = 0;
        for (std::size_t j = 0; j < scores_.size(); ++j) {
            weights_[j] /= total;
            offs_.push_back(weights_[j] * std::expm1(errors_[j]));
            total_off_ += offs_.back();
        }
    }

    const LaneAttention& given_;
    const AttentionInputs& inputs_;
    double operand_;
    std::int64_t head_ = 0;
    std::int64_t first_ = 0;
    std::vector<double> scores_, errors_;  ///< by how much each score may be off
    std::vector<double> weights_, offs_;   ///< by how much each weight
    double total_off_ = 0;
};

class LaneAttentionTest : public ForwardLane {
  protected:
    std::vector<float> attend(const LaneAttention& given, const AttentionInputs& inputs,
                              ForwardPrecision precision) {
        const std::int64_t count = given.tokens * given.heads * given.value_size;
        float* const out = room(count);
        card::Attention work;
        work.query = put(inputs.query);
        work.key = put(inputs.key);
        work.value = put(inputs.value);
        work.out = out;
        work.tokens = given.tokens;
        work.heads = given.heads;
        work.key_value_heads = given.key_value_heads;
        work.head_size = given.head_size;
        work.value_size = given.value_size;
        work.scale = static_cast<float>(given.scale);
        work.softcap = static_cast<float>(given.softcap);
        work.window = given.window;
        work.biases = given.slope > 0 ? put(inputs.biases) : nullptr;
        work.sinks = given.sinks.empty() ? nullptr : put(given.sinks);
        lane_->attend(work, precision);
        return get(out, count);
    }

    void expect_right(const LaneAttention& given, ForwardPrecision precision) {
        const AttentionInputs inputs = inputs_of(given);
        const std::vector<float> found = attend(given, inputs, precision);
        ExactAttention exact(given, inputs, precision);
        Comparison comparison;
        for (std::int64_t row = 0; row < given.tokens * given.heads; ++row) {
            exact.begin(row % given.heads, row / given.heads);
            for (std::int64_t i = 0; i < given.value_size; ++i) {
                exact.compare(i, found[static_cast<std::size_t>(row * given.value_size + i)],
                              comparison);
            }
        }
        comparison.expect_all_near(given.name() + ", " + std::string(linalg::name_of(precision)));
        EXPECT_TRUE(same_bits(found, attend(given, inputs, precision))) << given.name();
    }
    void expect_right_in_all(const LaneAttention& given) {
        for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
            expect_right(given, precision);
        }
    }
};

TEST_F(LaneAttentionTest, AgreesWithTheDefinitionForAllSizes) {
    constexpr std::array<std::array<std::int64_t, 2>, 10> kHeadSizes{{{8, 8},
                                                                      {16, 16},
                                                                      {24, 24},
                                                                      {64, 64},
                                                                      {80, 80},
                                                                      {96, 96},
                                                                      {128, 128},
                                                                      {192, 128},
                                                                      {256, 256},
                                                                      {272, 272}}};
    constexpr std::array<std::array<std::int64_t, 2>, 5> kHeads{
        {{1, 1}, {6, 2}, {4, 4}, {5, 1}, {8, 2}}};
    std::size_t number = 0;
    for (const std::int64_t tokens : {1, 3, 70, 130, 300}) {
        for (const auto& [head_size, value_size] : kHeadSizes) {
            const auto& [heads, key_value_heads] = kHeads[tokens > 130 ? number % 2 : number % 5];
            expect_right_in_all({tokens, heads, key_value_heads, head_size, value_size});
            ++number;
        }
    }
}

TEST_F(LaneAttentionTest, SeesWhatTheWindowSpans) {
    for (const std::int64_t window : {1, 2, 5, 63, 64, 65, 100, 129, 130, 500}) {
        expect_right_in_all({130, 2, 1, 64, 64, window});
    }
    expect_right_in_all({300, 2, 1, 24, 24, 128});
}

TEST_F(LaneAttentionTest, CapsScores) {
    expect_right_in_all({130, 2, 1, 80, 80, 0, 5});
    expect_right_in_all({130, 2, 1, 64, 64, 33, 50});
    expect_right({70, 2, 1, 64, 64, 0, 20, 0, {}, 8}, ForwardPrecision::float32);
}

TEST_F(LaneAttentionTest, AddsBiasesOfPositions) {
    expect_right_in_all({300, 6, 2, 24, 24, 0, 0, 4});
    expect_right_in_all({130, 3, 3, 80, 80, 0, 0, 0.5});
    expect_right_in_all({130, 4, 2, 64, 64, 70, 30, 2, {-1, 0, 1, 3}});
}

TEST_F(LaneAttentionTest, CountsSinksLargerAndSmallerThanTheScores) {
    const std::vector<float> sinks{-200, -3, 0, 2, 30, 200};
    expect_right_in_all({130, 6, 2, 64, 64, 0, 0, 0, sinks});
    expect_right_in_all({3, 6, 2, 64, 64, 2, 0, 0, sinks});
}

/// Of hundreds, of both signs.
TEST_F(LaneAttentionTest, TakesLargeScores) {
    for (const double size : {4.0, 12.0}) {
        const LaneAttention given{130, 4, 2, 128, 128, 0, 0, 0, {}, size};
        expect_right(given, ForwardPrecision::float32);
        expect_right(given, ForwardPrecision::bf16x2);
    }
    expect_right_in_all({130, 4, 2, 64, 64, 0, 0, 0, {}, 100, 1e-5});
}

TEST_F(LaneAttentionTest, TakesNoTokens) {
    EXPECT_TRUE(attend({0, 2, 1, 64, 64}, {}, ForwardPrecision::bf16).empty());
}

/// Whoever sees it. (Those before it may share a tile with it.)
TEST_F(LaneAttentionTest, ShowsWhatIsNoNumber) {
    const LaneAttention given{130, 2, 1, 64, 64};
    for (const float wrong : {kNoNumber, std::numeric_limits<float>::infinity()}) {
        for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
            AttentionInputs inputs = inputs_of(given);
            inputs.query[(100 * 2 + 1) * 64 + 7] = wrong;
            std::vector<float> found = attend(given, inputs, precision);
            EXPECT_FALSE(std::isfinite(found[(100 * 2 + 1) * 64 + 13]));
            EXPECT_TRUE(std::isfinite(found[(100 * 2 + 0) * 64 + 13]));
            EXPECT_TRUE(std::isfinite(found[(99 * 2 + 1) * 64 + 13]));
            EXPECT_TRUE(std::isfinite(found[(101 * 2 + 1) * 64 + 13]));

            inputs = inputs_of(given);
            inputs.value[70 * 64 + 9] = wrong;
            found = attend(given, inputs, precision);
            for (std::size_t token = 70; token < 130; ++token) {
                EXPECT_FALSE(std::isfinite(found[token * 2 * 64 + 9])) << token;
                EXPECT_TRUE(std::isfinite(found[token * 2 * 64 + 10])) << token;
            }
            inputs = inputs_of(given);
            inputs.key[70 * 64 + 9] = kNoNumber;
            found = attend(given, inputs, precision);
            for (std::size_t token = 70; token < 130; ++token) {
                EXPECT_FALSE(std::isfinite(found[token * 2 * 64 + 9])) << token;
            }
            EXPECT_TRUE(std::isfinite(found[69 * 2 * 64 + 9]));
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
