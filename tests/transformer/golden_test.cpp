// The tiny models, one trait each, against logits and perplexities that transformers computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "alphaprune/transformer/perplexity.hpp"
#include "support/world.hpp"
#include "transformer/golden.hpp"
#include "transformer/logits.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

class GoldenModel : public testing::TestWithParam<std::string> {
  protected:
    StoredModel model_{kModelsFolder / GetParam()};
    Golden golden_ = golden_of(GetParam());
};

TEST_P(GoldenModel, Logits) {
    const auto logits = transformer::logits_of(world(), model_.catalogue, model_.source(),
                                               golden_.sequences.sequence(0));
    double largest = 0;
    double worst = 0;
    for (std::size_t row = 0; row < golden_.positions.size(); ++row) {
        const auto& expected = golden_.logits[row];
        const auto start = static_cast<std::size_t>(golden_.positions[row]) * expected.size();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            largest = std::max(largest, std::abs(expected[i]));
            worst = std::max(worst, std::abs(expected[i] - static_cast<double>(logits[start + i])));
        }
    }
    EXPECT_GT(largest, 1);
    EXPECT_LT(worst, 2e-4);
    RecordProperty("worst", std::to_string(worst / largest));
}

TEST_P(GoldenModel, Perplexity) {
    const transformer::Perplexity perplexity = transformer::measure_perplexity(
        world(), parallel::NodeMap(world()), model_.catalogue, model_.source(), golden_.sequences,
        {}, {.forward = tested_settings()});
    EXPECT_NEAR(perplexity.value, golden_.perplexity, 1e-3 * golden_.perplexity);
    EXPECT_EQ(perplexity.windows, 2);
    EXPECT_EQ(perplexity.seqlen, 96);
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenModel, testing::ValuesIn(golden_models()));

}  // namespace
}  // namespace alphaprune::test
