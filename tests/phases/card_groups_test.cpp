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
        for (const char* fault : {"-1", "-2"}) {
            ::setenv("FAKE_CARD_GROUPS", fault, 1);
            const PrunedModel by_processors = pruned();
            ::unsetenv("FAKE_CARD_GROUPS");
            EXPECT_EQ(by_processors.tensors, among_cards.tensors) << fault;
            EXPECT_EQ(by_processors.notes, among_cards.notes) << fault;
        }
    }
}

TEST_P(CardGroups, FormAGroupOnlyIfAllCan) {
    const auto forms_group = [&] {
        FirstBlock block(model_.catalogue());
        block.observe(InputNeeds::products, {});
        linalg::FarMemory& far = *block.runner().far();
        const bool can = far.can_add_up(world());
        EXPECT_EQ(far.can_add_up(world()), can);
        return can;
    };
    EXPECT_TRUE(forms_group());
    if (world().rank() == world().size() - 1) {
        ::setenv("FAKE_CARD_GROUPS", "-1", 1);
    }
    EXPECT_FALSE(forms_group()) << "one rank has no groups";
    ::setenv("FAKE_CARD_GROUPS", "-2", 1);
    EXPECT_FALSE(forms_group()) << "nobody can join";
    ::unsetenv("FAKE_CARD_GROUPS");
}

}  // namespace
}  // namespace alphaprune::phases
