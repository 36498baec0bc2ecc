#include "alphaprune/transformer/choice_scores.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/stored_model.hpp"
#include "transformer/tested_settings.hpp"

namespace alphaprune::test {
namespace {

/// Of many lengths, some with all tokens but the last in common.
std::vector<model::Continuation> some_continuations() {
    std::vector<model::Continuation> all;
    for (int i = 0; i < 13; ++i) {
        model::Continuation one;
        for (int t = 0; t < 2 + i * i % 61; ++t) {
            one.tokens.push_back(static_cast<std::int32_t>((i / 2 * 31 + t * t * 7 + 3) % 311));
        }
        one.scored = 1 + i % 3;
        one.scored = std::min<std::int64_t>(one.scored, one.tokens.size() - 1);
        all.push_back(one);
    }
    for (const std::int32_t last : {5, 200, 311}) {
        all.push_back(all[6]);
        all.back().tokens.back() = last;
        all.back().scored = 1;
    }
    return all;
}

class ChoicesOf : public testing::TestWithParam<const char*> {
  protected:
    std::vector<double> measure(const parallel::Communicator& ranks,
                                const transformer::PerplexitySettings& settings = {
                                    .forward = tested_settings()}) {
        return transformer::log_likelihoods(ranks, parallel::NodeMap(ranks), model_.catalogue,
                                            model_.source(), some_continuations(), {}, settings);
    }
    StoredModel model_{kSourceFolder / "tests/data/models" / GetParam()};
};

TEST_P(ChoicesOf, AreTheLikelihoodsOfTheLogits) {
    const std::vector<double> found = measure(world());
    const std::vector<model::Continuation> all = some_continuations();
    ASSERT_EQ(found.size(), all.size());
    for (std::size_t c = 0; c < all.size(); ++c) {
        const std::vector<std::int32_t>& tokens = all[c].tokens;
        const auto logits = transformer::logits_of(world(), model_.catalogue, model_.source(),
                                                   std::span(tokens).first(tokens.size() - 1));
        const std::size_t vocabulary = logits.size() / (tokens.size() - 1);
        double expected = 0;
        for (std::size_t t = tokens.size() - static_cast<std::size_t>(all[c].scored);
             t < tokens.size(); ++t) {
            const std::span<const float> row =
                std::span(logits).subspan((t - 1) * vocabulary, vocabulary);
            double total = 0;
            for (const float logit : row) {
                total += std::exp(static_cast<double>(logit));
            }
            expected +=
                static_cast<double>(row[static_cast<std::size_t>(tokens[t])]) - std::log(total);
        }
        // Logits are float32: products of other shapes round them elsewhere.
        const double rounding =
            32 * std::numeric_limits<float>::epsilon() * (1 + std::abs(expected));
        EXPECT_NEAR(found[c], expected, rounding) << "continuation " << c;
    }
}

TEST_P(ChoicesOf, HaveTheSameBitsOnAnyNumberOfRanksAndPasses) {
    const parallel::Communicator self = world().split(world().rank(), 0);
    const std::vector<double> alone = measure(self);
    for (const std::vector<double>& other :
         {measure(world()), measure(world(), {.forward = tested_settings(), .state_bytes = 1})}) {
        for (std::size_t c = 0; c < alone.size(); ++c) {
            EXPECT_EQ(std::bit_cast<std::uint64_t>(alone[c]),
                      std::bit_cast<std::uint64_t>(other[c]))
                << "continuation " << c << ": " << alone[c] << " and " << other[c];
        }
    }
}

// Rotations of the last one depend on the length: nothing is padded.
INSTANTIATE_TEST_SUITE_P(Tiny, ChoicesOf,
                         testing::Values("tiny-mistral", "tiny-opt", "tiny-gemma2",
                                         "tiny-llama-dynamic"));

TEST(ChoiceScores, AreThoseOfTheHarness) {
    model::ChoiceTask task;
    const model::Continuation any{{1, 2}, 1};
    task.items.push_back({{any, any, any}, {2, 10, 4}, {0}});
    task.items.push_back({{any, any}, {3, 3}, {1}});
    task.items.push_back({{any, any}, {1, 2}, {0, 1}});
    const std::vector<double> likelihoods{-2, -3, -4, -1, -1, -5, -4};
    const transformer::ChoiceScores scores = transformer::score_choices(task, likelihoods);
    // By characters: −1, −0.3, −1; equal ones: the first; −5, −2.
    EXPECT_EQ(scores.items[0].chosen, 0);
    EXPECT_EQ(scores.items[0].chosen_norm, 1);
    EXPECT_EQ(scores.items[1].chosen, 0);
    EXPECT_FALSE(scores.items[1].right);
    EXPECT_EQ(scores.items[2].chosen_norm, 1);
    EXPECT_DOUBLE_EQ(scores.acc, 2.0 / 3);
    EXPECT_DOUBLE_EQ(scores.acc_norm, 1.0 / 3);
    EXPECT_TRUE(scores.is_number());
    const std::vector<double> damaged{-2, std::numeric_limits<double>::quiet_NaN(), -4, -1, -1, -5,
                                      -4};
    EXPECT_FALSE(transformer::score_choices(task, damaged).is_number());
}

}  // namespace
}  // namespace alphaprune::test
