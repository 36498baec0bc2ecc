#include "attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "alibi.hpp"
#include "alphaprune/support/scalar.hpp"
#include "support/world.hpp"
#include "transformer/random_values.hpp"

namespace alphaprune::test {
namespace {

struct AttentionSample {
    model::AttentionShape attention;
    std::int64_t tokens;
    double size = 1;  ///< of queries and keys
    std::vector<float> sinks{};
    /// For gtest's messages.
    friend std::ostream& operator<<(std::ostream& out, const AttentionSample& given) {
        return out << given.tokens << " tokens, " << given.attention.heads << "/"
                   << given.attention.key_value_heads << " heads of " << given.attention.head_size
                   << ", window " << given.attention.window.value_or(0);
    }
};

struct Inputs {
    explicit Inputs(const AttentionSample& given)
        : query(random_values(given.tokens * given.attention.heads * given.attention.head_size, 1,
                              given.size)),
          key(random_values(
              given.tokens * given.attention.key_value_heads * given.attention.head_size, 2,
              given.size)),
          value(random_values(static_cast<std::int64_t>(key.size()), 3)) {}
    std::vector<float> query;
    std::vector<float> key;
    std::vector<float> value;
};

/// For powers of two of heads.
double alibi(std::int64_t head, std::int64_t heads, std::int64_t position) {
    const auto rounded = [](double value) {
        const auto bits = support::float_to_bfloat16(static_cast<float>(value));
        return static_cast<double>(support::bfloat16_to_float(bits));
    };
    const double number = static_cast<double>(head + 1);
    const double slope = rounded(std::exp2(-8.0 * number / static_cast<double>(heads)));
    return rounded(slope * rounded(static_cast<double>(position)));
}

/// By the definition, with all scores of a query at once.
std::vector<double> plain_attention(const model::AttentionShape& attention, const Inputs& in,
                                    std::int64_t tokens, const std::vector<float>& sinks) {
    const std::int64_t size = attention.head_size;
    const std::int64_t group = attention.heads / attention.key_value_heads;
    std::vector<double> out(in.query.size());
    for (std::int64_t head = 0; head < attention.heads; ++head) {
        const auto at = [&](std::int64_t token) { return (token * attention.heads + head) * size; };
        const auto shared = [&](std::int64_t token) {
            return (token * attention.key_value_heads + head / group) * size;
        };
        for (std::int64_t query = 0; query < tokens; ++query) {
            std::vector<double> scores(static_cast<std::size_t>(query + 1),
                                       -std::numeric_limits<double>::infinity());
            for (std::int64_t key = 0; key <= query; ++key) {
                if (attention.window && query - key >= *attention.window) {
                    continue;
                }
                double score = 0;
                for (std::int64_t i = 0; i < size; ++i) {
                    score +=
                        static_cast<double>(in.query[static_cast<std::size_t>(at(query) + i)]) *
                        static_cast<double>(in.key[static_cast<std::size_t>(shared(key) + i)]);
                }
                if (attention.alibi) {
                    score += alibi(head, attention.heads, key);
                }
                scores[static_cast<std::size_t>(key)] =
                    score / std::sqrt(static_cast<double>(size));
            }
            const double most = *std::ranges::max_element(scores);
            double total =
                sinks.empty()
                    ? 0
                    : std::exp(static_cast<double>(sinks[static_cast<std::size_t>(head)]) - most);
            for (double& score : scores) {
                score = std::exp(score - most);
                total += score;
            }
            for (std::int64_t key = 0; key <= query; ++key) {
                const double weight = scores[static_cast<std::size_t>(key)] / total;
                for (std::int64_t i = 0; weight > 0 && i < size; ++i) {
                    out[static_cast<std::size_t>(at(query) + i)] +=
                        weight *
                        static_cast<double>(in.value[static_cast<std::size_t>(shared(key) + i)]);
                }
            }
        }
    }
    return out;
}

class AttentionCase : public testing::TestWithParam<AttentionSample> {};

TEST_P(AttentionCase, AgreesWithPlainLoops) {
    const AttentionSample& given = GetParam();
    const Inputs in(given);
    // What lies in the scratch and in the result before must not matter.
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> out(in.query.size(), kNan);
    const transformer::ThreadScratch scratch(1, transformer::attention_scratch());
    std::ranges::fill(scratch.of(0), kNan);
    transformer::attend(lone_team(), given.attention,
                        {in.query, in.key, in.value, out, given.sinks}, given.tokens, scratch);
    const auto expected = plain_attention(given.attention, in, given.tokens, given.sinks);
    double worst = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double error = std::abs(static_cast<double>(out[i]) - expected[i]);
        worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
    }
    EXPECT_LT(worst, 2e-6 * std::max(1.0, given.size));
}

INSTANTIATE_TEST_SUITE_P(
    All, AttentionCase,
    testing::Values(AttentionSample{{1, 1, 8, {}}, 1}, AttentionSample{{2, 1, 4, {}}, 2},
                    AttentionSample{{4, 4, 8, {}}, 63}, AttentionSample{{4, 2, 16, {}}, 64},
                    AttentionSample{{6, 2, 6, {}}, 65}, AttentionSample{{3, 3, 5, {}}, 200},
                    AttentionSample{{2, 1, 8, {}}, 1100}, AttentionSample{{4, 1, 8, {}}, 600},
                    AttentionSample{{2, 2, 8, 1}, 70}, AttentionSample{{4, 2, 8, 32}, 96},
                    AttentionSample{{2, 1, 8, 64}, 300}, AttentionSample{{2, 1, 8, 65}, 700},
                    AttentionSample{{2, 1, 8, 515}, 1300}, AttentionSample{{2, 1, 8, 5000}, 130}));

/// Scores in the hundreds: weights of one key after another come near to 1.
INSTANTIATE_TEST_SUITE_P(Steep, AttentionCase,
                         testing::Values(AttentionSample{{2, 1, 8, {}}, 700, 12},
                                         AttentionSample{{2, 2, 8, 40}, 300, 12}));

AttentionSample biased(std::int64_t heads, std::int64_t tokens) {
    model::AttentionShape attention{heads, 1, 8, {}};
    attention.alibi = true;
    return {attention, tokens};
}

INSTANTIATE_TEST_SUITE_P(Biased, AttentionCase,
                         testing::Values(biased(1, 5), biased(2, 130), biased(8, 700),
                                         biased(16, 1100)));

/// What transformers 5.24 has for 6 heads (build_alibi_tensor).
TEST(Alibi, SlopesOfAnyNumberOfHeads) {
    std::vector<float> slopes;
    for (std::int64_t head = 0; head < 6; ++head) {
        slopes.push_back(transformer::alibi_slope(head, 6));
    }
    EXPECT_EQ(slopes, (std::vector<float>{0.25F, 0.0625F, 0.015625F, 0.00390625F, 0.5F, 0.125F}));
    // Of head 8 of 12, at positions that bfloat16 rounds.
    std::vector<float> biases(6);
    transformer::alibi_biases(transformer::alibi_slope(8, 12), {257, 263}, biases);
    EXPECT_EQ(biases, (std::vector<float>{181, 182, 184, 184, 184, 185}));
}

/// Small, as large as scores, and so large that no value counts.
INSTANTIATE_TEST_SUITE_P(
    Sinks, AttentionCase,
    testing::Values(AttentionSample{{4, 2, 8, {}}, 70, 1, {-3, 0, 1.5F, 200}},
                    AttentionSample{{2, 1, 8, 30}, 1100, 1, {0.25F, -40}},
                    AttentionSample{
                        {2, 1, 8, {}}, 700, 12, {50, -std::numeric_limits<float>::infinity()}}));

TEST(AttentionPairs, AreThoseOfTheMask) {
    for (const std::int64_t tokens : {1, 2, 5, 40}) {
        for (const std::int64_t window : {1, 2, 5, 39, 40, 41}) {
            std::int64_t pairs = 0;
            for (std::int64_t query = 0; query < tokens; ++query) {
                pairs += std::min(query + 1, window);
            }
            EXPECT_EQ(transformer::attended_pairs(tokens, window), static_cast<double>(pairs));
        }
        EXPECT_EQ(transformer::attended_pairs(tokens, {}),
                  static_cast<double>(tokens * (tokens + 1) / 2));
    }
}

}  // namespace
}  // namespace alphaprune::test
