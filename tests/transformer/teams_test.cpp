// Blocks run by teams of ranks and threads against the same blocks run by one thread alone: hidden
// states and all that observers are shown have the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/golden.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/runner_states.hpp"

namespace alphaprune::test {
namespace {

using linalg::ForwardPrecision;

/// What was seen of a model on its way through its blocks.
struct Seen {
    std::vector<float> values;
    std::vector<float> states;  ///< at the end

    friend bool operator==(const Seen&, const Seen&) = default;
};

class TeamRun {
  public:
    TeamRun(StoredModel& model, const parallel::Team& team, ForwardPrecision precision)
        : model_(model),
          node_(team.ranks()),
          plan_(transformer::make_forward_plan(model.catalogue)),
          runner_(transformer::make_block_runner(node_, team, plan_, {precision, {}})) {}

    /// Each block once observed as a whole and once in steps, site after site.
    Seen run(const std::vector<std::span<const std::int32_t>>& sequences) {
        runner_->embed(sequences, model_.source());
        for (int block = 0; block < static_cast<int>(plan_.blocks.size()); ++block) {
            runner_->load(block, model_.source());
            for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                runner_->observe(s, observer());
                block % 2 == 0 ? runner_->advance(s) : in_steps(block, s);
            }
        }
        seen_.states = states_of(*runner_);
        runner_->load_head(model_.source());
        const auto features = runner_->features(0);
        seen_.values.insert(seen_.values.end(), features.begin(), features.end());
        return seen_;
    }

  private:
    transformer::InputObserver observer() {
        return [this](const transformer::ObservedInput& input) {
            for (const auto part : {input.values, input.residual, input.routed}) {
                seen_.values.insert(seen_.values.end(), part.begin(), part.end());
            }
        };
    }

    void in_steps(int block, std::int64_t sequence) {
        const std::size_t sites = transformer::input_sites(plan_, block).size();
        for (std::size_t site = 0; site + 1 < sites; ++site) {
            runner_->step(sequence, site, observer());
        }
        runner_->step_and_leave(sequence, observer());
    }

    StoredModel& model_;
    const parallel::Communicator& node_;
    transformer::ForwardPlan plan_;
    std::unique_ptr<transformer::BlockRunner> runner_;
    Seen seen_;
};

void expect_same_bits(StoredModel& model,
                      const std::vector<std::span<const std::int32_t>>& sequences) {
    for (const ForwardPrecision precision : linalg::kForwardPrecisions) {
        if (precision != ForwardPrecision::float32 && !linalg::has_bf16_products()) {
            continue;
        }
        SCOPED_TRACE(linalg::name_of(precision));
        const Seen alone = TeamRun(model, lone_team(), precision).run(sequences);
        EXPECT_FALSE(alone.values.empty());
        for (const int threads : {1, 3}) {
            const parallel::ThreadPool pool(threads);
            const parallel::Team all(world().duplicate(), pool);
            EXPECT_TRUE(TeamRun(model, all, precision).run(sequences) == alone)
                << threads << " threads";
        }
    }
}

class ModelInTeams : public testing::TestWithParam<std::string> {};

TEST_P(ModelInTeams, HasTheSameBits) {
    StoredModel model(kModelsFolder / GetParam());
    const Golden golden = golden_of(GetParam());
    expect_same_bits(model, {golden.sequences.sequence(0), golden.sequences.sequence(1)});
}

INSTANTIATE_TEST_SUITE_P(Tiny, ModelInTeams, testing::ValuesIn(golden_models()));

std::vector<std::int32_t> tokens_of_long_sequence(std::int32_t count) {
    std::vector<std::int32_t> tokens;
    for (std::int32_t i = 0; i < count; ++i) {
        tokens.push_back((i * i + 3 * i + 7) % 40);
    }
    return tokens;
}

/// Several tiles of products, of keys and of slices, none of them whole at the end.
TEST(ModelInTeams, HasTheSameBitsOverLongSequences) {
    const TemporaryFolder folder;
    odd_llama().write(folder / "m");
    StoredModel model(folder / "m");
    const std::vector<std::int32_t> tokens = tokens_of_long_sequence(601);
    expect_same_bits(model, {tokens});
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0;
    double size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double here = static_cast<double>(a[i]);
        difference += (here - static_cast<double>(b[i])) * (here - static_cast<double>(b[i]));
        size += here * here;
    }
    return std::sqrt(difference / size);
}

TEST(ForwardPrecisions, AreAsTheySay) {
    if (!linalg::has_bf16_products()) {
        GTEST_SKIP() << "no oneDNN or no instructions for bfloat16 here";
    }
    for (const std::string name : {"tiny-llama3", "tiny-opt", "tiny-deepseek_v3"}) {
        SCOPED_TRACE(name);
        StoredModel model(kModelsFolder / name);
        const Golden golden = golden_of(name);
        const auto states = [&](ForwardPrecision precision) {
            return TeamRun(model, lone_team(), precision)
                .run({golden.sequences.sequence(0)})
                .states;
        };
        const auto exact = states(ForwardPrecision::float32);
        const double split = relative_distance(exact, states(ForwardPrecision::bf16x2));
        const double rounded = relative_distance(exact, states(ForwardPrecision::bf16));
        EXPECT_GT(split, 0);
        EXPECT_LT(split, 3e-5);
        EXPECT_GT(rounded, 1e-4);
        EXPECT_LT(rounded, 3e-2);
    }
}

}  // namespace
}  // namespace alphaprune::test
