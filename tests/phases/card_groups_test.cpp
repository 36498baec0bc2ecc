// Cards that add up among themselves what they have summed.
#include <cstdlib>
#include <string>

#include "phases/card_fixture.hpp"

namespace alphaprune::phases {
namespace {

using test::spread_over;
using test::world;

class CardGroups : public CardPhases {
  protected:
    void SetUp() override {
        CardPhases::SetUp();
        if (!IsSkipped() && device::CardModule::get().cards().front().name != "made-up card") {
            GTEST_SKIP() << "a true card does not fail on demand";
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Models, CardGroups, testing::Values("tiny-llama3", "tiny-qwen3_moe"));

/// Two ranks' sums are the same bits whoever adds them up: cards among themselves, or the
/// processors where no group can be formed or a rank cannot join one.
TEST_P(CardGroups, AreAddedUpAmongCardsOrByProcessors) {
    if (world().size() > 2) {
        GTEST_SKIP() << "more than two ranks";
    }
    const model::Catalogue& catalogue = model_.catalogue();
    const auto targets = uniform(0.6);
    for (const std::int64_t count : {std::int64_t{1}, kSequences}) {  // or a rank has none
        const model::TokenSequences sequences = random_sequences(count, kTokens);
        PruneRequest request{.pruner = *pruning::find_pruner("sparsegpt"),
                             .targets = targets,
                             .calibration = sequences};
        request.settings.outputs = {0.5, 0.5};
        request.forward = test::tested_settings();
        const auto pruned = [&] {
            auto nowhere = test::nowhere();
            return prune_model(world(), spread_over(1), catalogue, request, nowhere, {});
        };
        const PrunedModel among_cards = pruned();
        const bool is_last = world().rank() == world().size() - 1;
        for (const char* fault : {"-1", "-1 on one rank", "-2"}) {
            if (is_last || fault != std::string("-1 on one rank")) {
                ::setenv("FAKE_CARD_GROUPS", fault, 1);
            }
            const PrunedModel by_processors = pruned();
            ::unsetenv("FAKE_CARD_GROUPS");
            EXPECT_EQ(by_processors.tensors, among_cards.tensors) << fault;
            EXPECT_EQ(by_processors.notes, among_cards.notes) << fault;
        }
    }
}

/// So that the others are not what the first test compares with. A rank alone needs no group.
TEST_P(CardGroups, AddUpWhereTheyCan) {
    const model::TokenSequences sequences = random_sequences(kSequences, kTokens);
    const auto targets = uniform(0.6);
    PruneRequest request{
        .pruner = *pruning::find_pruner("sparsegpt"), .targets = targets, .calibration = sequences};
    request.forward = test::tested_settings();
    const auto prune = [&] {
        auto nowhere = test::nowhere();
        prune_model(world(), spread_over(1), model_.catalogue(), request, nowhere, {});
    };
    ::setenv("FAKE_CARD_GROUPS", "-3", 1);
    if (world().size() > 1) {
        EXPECT_THROW(prune(), support::Error);
    } else {
        EXPECT_NO_THROW(prune());
    }
    ::unsetenv("FAKE_CARD_GROUPS");
}

}  // namespace
}  // namespace alphaprune::phases
