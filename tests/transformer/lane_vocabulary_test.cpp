// Losses of tokens on a card, from one part of the vocabulary after another.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

constexpr card::LossState kNothingYet{-std::numeric_limits<float>::infinity(), 0, 0};

struct VocabularySample {
    std::int64_t tokens = 0;
    std::int64_t width = 0;
    ScalarType type{};
    float softcap = 0;
    double size = 1;  ///< of features
    std::vector<std::int64_t> parts{1, 130, 517, 64, 300};

    std::int64_t rows() const {
        std::int64_t rows = 0;
        for (const std::int64_t part : parts) {
            rows += part;
        }
        return rows;
    }
    std::string name() const {
        return std::to_string(tokens) + " tokens, width " + std::to_string(width) + ", " +
               std::string(support::name_of(type)) + ", cap " + std::to_string(softcap);
    }
};

struct VocabularyValues {
    std::vector<float> features;
    std::vector<float> weights;  ///< as they are stored
    std::vector<std::int32_t> targets;
};

VocabularyValues values_of(const VocabularySample& sample) {
    VocabularyValues values{random_values(sample.tokens * sample.width, 1, sample.size),
                            stored_in(sample.type, random_values(sample.rows() * sample.width, 2)),
                            {}};
    for (std::int64_t token = 0; token < sample.tokens; ++token) {
        values.targets.push_back(static_cast<std::int32_t>(token * 389 % sample.rows()));
    }
    if (sample.tokens > 2) {
        values.targets[1] = static_cast<std::int32_t>(sample.rows() - 1);
    }
    return values;
}

/// What a token's state should be at the end, and how far off it may be.
struct ExactLoss {
    double largest = -std::numeric_limits<double>::infinity();
    double target = 0;
    double loss = 0;
    double logit_error = 0;  ///< of the worst logit
    double loss_error = 0;
};

ExactLoss exact_loss(const VocabularySample& sample, const VocabularyValues& values,
                     std::int64_t token, ForwardPrecision precision) {
    const double rounding = sample.type == ScalarType::bfloat16  ? parts_error(8, precision)
                            : sample.type == ScalarType::float16 ? parts_error(11, precision)
                                                                 : 0;
    std::vector<double> logits;
    std::vector<double> errors;
    ExactLoss exact;
    for (std::int64_t row = 0; row < sample.rows(); ++row) {
        double logit = 0;
        double size = 0;
        for (std::int64_t i = 0; i < sample.width; ++i) {
            const double term =
                static_cast<double>(
                    values.features[static_cast<std::size_t>(token * sample.width + i)]) *
                static_cast<double>(
                    values.weights[static_cast<std::size_t>(row * sample.width + i)]);
            logit += term;
            size += std::abs(term);
        }
        const double cap = sample.softcap;
        logits.push_back(cap > 0 ? cap * std::tanh(logit / cap) : logit);
        errors.push_back((rounding + sum_error(sample.width)) * size + 4 * kFloatRounding * cap);
        exact.largest = std::max(exact.largest, logits.back());
        exact.logit_error = std::max(exact.logit_error, errors.back());
    }
    double total = 0;
    double off = 0;
    for (std::size_t row = 0; row < logits.size(); ++row) {
        const double weight = std::exp(logits[row] - exact.largest);
        total += weight;
        // The exponent, a difference in float32, and the exponential are rounded, too.
        off += weight *
               std::expm1(errors[row] + 4 * kFloatRounding *
                                            (std::abs(logits[row]) + std::abs(exact.largest) + 2));
    }
    const auto target = static_cast<std::size_t>(values.targets[static_cast<std::size_t>(token)]);
    exact.target = logits[target];
    exact.loss = std::log(total) + exact.largest - exact.target;
    EXPECT_LT(off, total / 2) << "the sample says nothing";
    exact.loss_error = off / (total - off) + errors[target] +
                       2 * kFloatRounding * (std::abs(exact.largest) + std::abs(exact.target));
    return exact;
}

class LaneVocabulary : public ForwardLane {
  protected:
    std::vector<card::LossState> states_of(const VocabularySample& sample,
                                           const VocabularyValues& values,
                                           ForwardPrecision precision) {
        const std::byte* const weights = put_as(sample.type, values.weights);
        const std::vector<card::LossState> none(static_cast<std::size_t>(sample.tokens),
                                                kNothingYet);
        card::VocabularyPart part;
        part.features = put(values.features);
        part.tokens = sample.tokens;
        part.width = sample.width;
        part.type = sample.type;
        part.softcap = sample.softcap;
        part.targets = put(values.targets);
        part.states = put(none);
        for (const std::int64_t rows : sample.parts) {
            part.rows = rows;
            part.weights = weights + static_cast<std::size_t>(part.first_row * sample.width) *
                                         support::size_of(sample.type);
            lane_->add_vocabulary(part, precision);
            part.first_row += rows;
        }
        return get(part.states, sample.tokens);
    }

    void expect_right(const VocabularySample& sample) {
        const VocabularyValues values = values_of(sample);
        for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
            const std::vector<card::LossState> found = states_of(sample, values, precision);
            Comparison losses;
            Comparison logits;
            for (std::int64_t token = 0; token < sample.tokens; ++token) {
                const ExactLoss exact = exact_loss(sample, values, token, precision);
                const card::LossState& state = found[static_cast<std::size_t>(token)];
                logits.add(state.largest, exact.largest, exact.logit_error);
                logits.add(state.target_logit, exact.target, exact.logit_error);
                // Compared in double, of which float32 would hide the last bits.
                const double loss = std::log(state.total) + static_cast<double>(state.largest) -
                                    static_cast<double>(state.target_logit);
                losses.add(static_cast<float>(loss - exact.loss), 0, exact.loss_error);
            }
            const std::string name = sample.name() + ", " + std::string(linalg::name_of(precision));
            logits.expect_all_near("logits, " + name);
            losses.expect_all_near("losses, " + name);
            const auto again = states_of(sample, values, precision);
            EXPECT_TRUE(same_bits(found, again)) << name;
        }
    }
};

TEST_F(LaneVocabulary, GivesLogSoftmaxOfAllPartsTogether) {
    for (const ScalarType type : {ScalarType::bfloat16, ScalarType::float16, ScalarType::float32}) {
        for (const std::int64_t tokens : {1, 3, 130}) {
            expect_right({tokens, 64, type});
            expect_right({tokens, 7, type, 3});
        }
        expect_right({70, 200, type, 30});
        expect_right({300, 24, type, 0, 0.01});
        expect_right({5, 24, type, 0, 1, {1017}});
    }
    expect_right({33, 200, ScalarType::float32, 0, 30});
}

/// Of a part that the target does not lie in nothing is taken for its logit, and of none nothing.
TEST_F(LaneVocabulary, TakesTheTargetWhereItComesBy) {
    VocabularySample sample{3, 24, ScalarType::bfloat16};
    VocabularyValues values = values_of(sample);
    values.targets = {0, 130, 131};
    sample.parts = {1, 130};
    const auto states = states_of(sample, values, ForwardPrecision::float32);
    EXPECT_NE(states[0].target_logit, 0);
    EXPECT_NE(states[1].target_logit, 0);
    EXPECT_EQ(states[2].target_logit, 0);
    sample.parts = {0};
    for (const card::LossState& state : states_of(sample, values, ForwardPrecision::float32)) {
        EXPECT_EQ(state.largest, kNothingYet.largest);
        EXPECT_EQ(state.total, 0);
    }
    sample.tokens = 0;
    sample.parts = {131};
    values.features.clear();
    values.targets.clear();
    EXPECT_TRUE(states_of(sample, values, ForwardPrecision::float32).empty());
}

TEST_F(LaneVocabulary, ShowsWhatIsNoNumber) {
    const VocabularySample sample{3, 24, ScalarType::bfloat16};
    for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
        VocabularyValues values = values_of(sample);
        values.features[24 + 3] = std::numeric_limits<float>::quiet_NaN();
        values.features[48 + 3] = std::numeric_limits<float>::infinity();
        auto states = states_of(sample, values, precision);
        EXPECT_TRUE(std::isfinite(states[0].total));
        EXPECT_FALSE(std::isfinite(states[1].total));
        EXPECT_FALSE(std::isfinite(states[2].total));
        values = values_of(sample);
        values.weights[500 * 24] = std::numeric_limits<float>::quiet_NaN();
        states = states_of(sample, values, precision);
        EXPECT_FALSE(std::isfinite(states[0].total));
    }
}

}  // namespace
}  // namespace alphaprune::test
