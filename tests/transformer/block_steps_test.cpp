// A block in steps, from site to site, against the same block in one go.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/runner_states.hpp"
#include "transformer/stored_model.hpp"
#include "transformer/tested_settings.hpp"

namespace alphaprune::test {
namespace {

constexpr std::size_t kSequencesInSteps = 3;

/// What an observer is shown, by site and then by sequence.
struct ShownInput {
    std::vector<float> values;
    std::vector<float> residual;

    friend bool operator==(const ShownInput&, const ShownInput&) = default;
};
using ShownInputs = std::vector<std::vector<ShownInput>>;

OddModel opt_with_norm_before() {
    OddModel odd = odd_opt();
    odd.replace("\"do_layer_norm_before\": false", "\"do_layer_norm_before\": true");
    for (const std::string kind : {"weight", "bias"}) {
        odd.tensors.push_back(random_tensor("model.decoder.final_layer_norm." + kind,
                                            support::ScalarType::float32, {24}, 77, 1.0F));
    }
    return odd;
}

/// A runner over a model, with its first block loaded; and how to go through the block.
class InSteps {
  public:
    explicit InSteps(StoredModel& model, std::size_t tokens = 40)
        : model_(model),
          plan_(transformer::make_forward_plan(model.catalogue)),
          runner_(transformer::make_block_runner(world(), lone_team(), plan_, tested_settings())) {
        embed(tokens);
        load(0);
    }

    void embed(std::size_t tokens) {
        std::vector<std::vector<std::int32_t>> sequences(kSequencesInSteps);
        for (std::size_t s = 0; s < kSequencesInSteps; ++s) {
            for (std::size_t i = 0; i < tokens; ++i) {
                sequences[s].push_back(static_cast<std::int32_t>((i * i + (3 + s) * i + 7) % 40));
            }
        }
        const std::vector<std::span<const std::int32_t>> views(sequences.begin(), sequences.end());
        runner_->embed(views, model_.source());
    }
    void load(int block) {
        runner_->load(block, model_.source());
        block_ = block;
    }
    std::vector<transformer::InputSite> sites() const {
        return transformer::input_sites(plan_, block_);
    }
    std::vector<float> states() { return states_of(*runner_); }
    std::vector<float> state(std::int64_t sequence) {
        const auto one = runner_->state(sequence);
        return {one.begin(), one.end()};
    }

    void advance() {
        for_each_sequence([&](std::int64_t s) { runner_->advance(s); });
    }
    ShownInputs observe() {
        ShownInputs shown(sites().size());
        for_each_sequence([&](std::int64_t s) { runner_->observe(s, into(shown)); });
        return shown;
    }
    /// All sequences to one site.
    std::vector<ShownInput> step(std::size_t site) {
        ShownInputs shown(sites().size());
        for_each_sequence([&](std::int64_t s) { runner_->step(s, site, into(shown)); });
        EXPECT_EQ(shown[site].size(), kSequencesInSteps) << "it sees just this site";
        return shown[site];
    }
    void leave() {
        for_each_sequence([&](std::int64_t s) { runner_->leave(s); });
    }
    std::vector<ShownInput> step_and_leave() {
        ShownInputs shown(sites().size());
        for_each_sequence([&](std::int64_t s) { runner_->step_and_leave(s, into(shown)); });
        EXPECT_EQ(shown.back().size(), kSequencesInSteps);
        return shown.back();
    }

    /// Takes part of each matrix away and changes the rest, this rank its share of the rows.
    void change(const transformer::InputSite& site) {
        for (const int index : site.matrices) {
            const auto& matrix = model_.catalogue.matrices[static_cast<std::size_t>(index)];
            const auto own = parallel::share_of(matrix.outputs(), world().size(), world().rank());
            std::int64_t at = own.begin * matrix.inputs();
            for (float& weight : runner_->rows(index, own)) {
                weight = at++ % 3 == 0 ? 0.0F : -1.25F * weight;
            }
        }
        runner_->sync();
    }
    std::vector<float> matrix(int index) {
        const auto& info = model_.catalogue.matrices[static_cast<std::size_t>(index)];
        const auto all = runner_->rows(index, {0, info.outputs()});
        return {all.begin(), all.end()};
    }

  private:
    void for_each_sequence(const std::function<void(std::int64_t)>& use) {
        for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
            use(s);
        }
    }
    static transformer::InputObserver into(ShownInputs& shown) {
        return [&shown](const transformer::ObservedInput& input) {
            shown[input.site].push_back({{input.values.begin(), input.values.end()},
                                         {input.residual.begin(), input.residual.end()}});
        };
    }

    StoredModel& model_;
    transformer::ForwardPlan plan_;
    std::unique_ptr<transformer::BlockRunner> runner_;
    int block_ = 0;
};

/// A model made for the test, or one of tests/data/models.
struct SteppedModel {
    OddModel (*made)() = nullptr;
    const char* stored = nullptr;
};

class BlockSteps : public testing::TestWithParam<SteppedModel> {
  protected:
    BlockSteps() {
        world().barrier();
        if (GetParam().stored != nullptr) {
            model_ = std::make_unique<StoredModel>(kSourceFolder / "tests/data/models" /
                                                   GetParam().stored);
            return;
        }
        GetParam().made().write(folder_ / "m");
        model_ = std::make_unique<StoredModel>(folder_ / "m");
    }
    StoredModel& model() { return *model_; }

  private:
    TemporaryFolder folder_;
    std::unique_ptr<StoredModel> model_;
};

TEST_P(BlockSteps, EndWhereTheWholeBlockDoesToTheBit) {
    for (const std::size_t tokens : {1, 60}) {
        InSteps whole(model(), tokens);
        InSteps stepping(model(), tokens);
        for (int block = 0; block < model().catalogue.blocks(); ++block) {
            whole.load(block);
            stepping.load(block);
            const ShownInputs expected = whole.observe();
            for (std::size_t site = 0; site < stepping.sites().size(); ++site) {
                EXPECT_EQ(stepping.step(site), expected[site]) << "site " << site;
            }
            stepping.leave();
            whole.advance();
            EXPECT_EQ(stepping.states(), whole.states());
        }
    }
}

TEST_P(BlockSteps, TheLastMayBeTakenWithTheEnd) {
    InSteps whole(model());
    InSteps stepping(model());
    for (int block = 0; block < model().catalogue.blocks(); ++block) {
        whole.load(block);
        stepping.load(block);
        const ShownInputs expected = whole.observe();
        const std::size_t last = stepping.sites().size() - 1;
        for (std::size_t site = 0; site < last; ++site) {
            stepping.step(site);
        }
        EXPECT_EQ(stepping.step_and_leave(), expected[last]);
        whole.advance();
        EXPECT_EQ(stepping.states(), whole.states());
    }
}

TEST_P(BlockSteps, MatricesReplacedOnTheWayCountFromThereOn) {
    for (const bool leaves_with_last : {false, true}) {
        InSteps whole(model());
        InSteps stepping(model());
        const auto sites = stepping.sites();
        for (const transformer::InputSite& site : sites) {
            whole.change(site);
        }
        const ShownInputs expected = whole.observe();
        const std::size_t last = sites.size() - 1;
        for (std::size_t site = 0; site < (leaves_with_last ? last : sites.size()); ++site) {
            EXPECT_EQ(stepping.step(site), expected[site]) << "site " << site;
            stepping.change(sites[site]);
        }
        if (leaves_with_last) {
            stepping.change(sites[last]);
            EXPECT_EQ(stepping.step_and_leave(), expected[last]);
        } else {
            stepping.leave();
        }
        whole.advance();
        EXPECT_EQ(stepping.states(), whole.states());
    }
}

/// The runner is used again, with more or shorter sequences.
TEST_P(BlockSteps, BeginAnewWithOtherSequences) {
    InSteps stepping(model(), 40);
    for (const std::size_t tokens : {7, 50}) {
        stepping.embed(tokens);
        InSteps whole(model(), tokens);
        for (std::size_t site = 0; site < stepping.sites().size(); ++site) {
            stepping.step(site);
        }
        stepping.leave();
        whole.advance();
        EXPECT_EQ(stepping.states(), whole.states());
    }
}

std::vector<double> tensor_named(StoredModel& model, const std::string& name) {
    const model::TensorInfo* const info = model.catalogue.find_tensor(name);
    if (info == nullptr) {
        return {};
    }
    std::vector<std::byte> bytes(info->bytes());
    model.reader.read_rows(*info, {0, info->rows()}, bytes);
    std::vector<double> values(bytes.size() / support::size_of(info->scalar_type()));
    support::widen(bytes, info->scalar_type(), std::span(values));
    return values;
}

/// residual + matrix·input + bias, in float64.
std::vector<double> with_output(StoredModel& model, InSteps& steps, int index,
                                const ShownInput& shown) {
    const auto& info = model.catalogue.matrices[static_cast<std::size_t>(index)];
    std::string name = model.catalogue.name_of(info);
    name.replace(name.rfind("weight"), std::string::npos, "bias");
    const std::vector<double> bias = tensor_named(model, name);
    const std::vector<float> weights = steps.matrix(index);
    const auto rows = static_cast<std::size_t>(info.rows);
    const auto cols = static_cast<std::size_t>(info.cols);
    std::vector<double> sums(shown.residual.begin(), shown.residual.end());
    for (std::size_t at = 0; at < sums.size(); ++at) {
        const std::size_t row = at % rows;
        sums[at] += bias.empty() ? 0 : bias[row];
        for (std::size_t i = 0; i < cols; ++i) {
            sums[at] +=
                double{weights[row * cols + i]} * double{shown.values[at / rows * cols + i]};
        }
    }
    return sums;
}

void expect_equal_but_for_rounding(const std::vector<float>& ours,
                                   const std::vector<double>& expected) {
    ASSERT_EQ(ours.size(), expected.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        ASSERT_NEAR(ours[i], expected[i], 1e-5 * (1 + std::abs(expected[i])));
    }
}

/// x − mean over standard deviation, times weight, plus bias: what follows outputs in odd_opt.
void normalize(std::vector<double>& values, const std::vector<double>& weight,
               const std::vector<double>& bias) {
    const std::size_t n = weight.size();
    for (std::size_t at = 0; at < values.size(); at += n) {
        double mean = 0;
        double variance = 0;
        for (std::size_t i = 0; i < n; ++i) {
            mean += values[at + i] / static_cast<double>(n);
        }
        for (std::size_t i = 0; i < n; ++i) {
            variance += std::pow(values[at + i] - mean, 2) / static_cast<double>(n);
        }
        for (std::size_t i = 0; i < n; ++i) {
            values[at + i] =
                (values[at + i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
        }
    }
}

using ResidualStream = BlockSteps;

TEST_P(ResidualStream, IsShownAsItIsBeforeTheOutputIsAdded) {
    InSteps steps(model());
    const auto sites = steps.sites();
    ASSERT_EQ(sites.size(), 4U);
    const bool norm_after = model().catalogue.configuration.model_type == "opt" &&
                            !model().catalogue.configuration.norm_before;
    const auto norm = [&](std::vector<double> sums, const std::string& name) {
        const std::string in = "model.decoder.layers.0." + name;
        if (norm_after) {
            normalize(sums, tensor_named(model(), in + ".weight"),
                      tensor_named(model(), in + ".bias"));
        }
        return sums;
    };
    const std::int64_t hidden_size = model().catalogue.configuration.hidden_size;
    EXPECT_EQ(sites[0].residual_rows, 0);
    EXPECT_EQ(sites[1].residual_rows, hidden_size);
    EXPECT_EQ(sites[2].residual_rows, 0);
    EXPECT_EQ(sites[3].residual_rows, hidden_size) << "a norm after the sum is no norm in between";
    std::vector<std::vector<ShownInput>> shown;
    const std::vector<std::vector<float>> before{steps.state(0), steps.state(1), steps.state(2)};
    for (std::size_t site = 0; site < sites.size(); ++site) {
        shown.push_back(steps.step(site));
    }
    steps.leave();
    for (std::size_t s = 0; s < kSequencesInSteps; ++s) {
        EXPECT_EQ(shown[0][s].residual, before[s]);
        EXPECT_EQ(shown[1][s].residual, before[s]);
        ASSERT_EQ(sites[1].matrices.size(), 1U);
        ASSERT_EQ(sites[3].matrices.size(), 1U);
        const auto middle = norm(with_output(model(), steps, sites[1].matrices[0], shown[1][s]),
                                 "self_attn_layer_norm");
        expect_equal_but_for_rounding(shown[2][s].residual, middle);
        EXPECT_EQ(shown[3][s].residual, shown[2][s].residual);
        const auto after = norm(with_output(model(), steps, sites[3].matrices[0], shown[3][s]),
                                "final_layer_norm");
        expect_equal_but_for_rounding(steps.state(s), after);
    }
}

using ParallelSublayers = BlockSteps;

TEST_P(ParallelSublayers, TheLastOneAddsToWhatTheOthersHaveAdded) {
    InSteps steps(model());
    const std::vector<std::vector<float>> before{steps.state(0), steps.state(1), steps.state(2)};
    const std::vector shown{steps.step(0), steps.step(1), steps.step(2), steps.step(3)};
    steps.leave();
    const auto after = [&](std::size_t site, std::size_t s) {
        return with_output(model(), steps, steps.sites()[site].matrices[0], shown[site][s]);
    };
    for (std::size_t s = 0; s < kSequencesInSteps; ++s) {
        EXPECT_EQ(shown[2][s].residual, before[s]) << "the MLP reads what the attention read";
        expect_equal_but_for_rounding(shown[3][s].residual, after(1, s));
        expect_equal_but_for_rounding(steps.state(s), after(3, s));
    }
}

INSTANTIATE_TEST_SUITE_P(Stored, ParallelSublayers,
                         testing::Values(SteppedModel{nullptr, "tiny-cohere2"},
                                         SteppedModel{nullptr, "tiny-gpt_neox"},
                                         SteppedModel{nullptr, "tiny-falcon-groups"}));

const auto kMadeModels = testing::Values(SteppedModel{odd_mistral}, SteppedModel{odd_llama},
                                         SteppedModel{odd_opt}, SteppedModel{opt_with_norm_before});

INSTANTIATE_TEST_SUITE_P(Made, BlockSteps, kMadeModels);
INSTANTIATE_TEST_SUITE_P(Made, ResidualStream, kMadeModels);
/// Parallel sublayers, normed outputs, multiplied ones, slices of transposed and interleaved
/// tensors.
INSTANTIATE_TEST_SUITE_P(Stored, BlockSteps,
                         testing::Values(SteppedModel{nullptr, "tiny-cohere2"},
                                         SteppedModel{nullptr, "tiny-gemma3_text"},
                                         SteppedModel{nullptr, "tiny-granite"},
                                         SteppedModel{nullptr, "tiny-qwen2_moe"},
                                         SteppedModel{nullptr, "tiny-gpt2"},
                                         SteppedModel{nullptr, "tiny-gpt_neox"},
                                         SteppedModel{nullptr, "tiny-falcon-alibi"},
                                         SteppedModel{nullptr, "tiny-deepseek_v3"}));

/// More than the tokens that the MLP works on at a time.
TEST(StepsOfLongSequences, AreNoDifferent) {
    const TemporaryFolder folder;
    odd_mistral().write(folder / "m");
    StoredModel model(folder / "m");
    InSteps whole(model, 300);
    InSteps stepping(model, 300);
    for (std::size_t site = 0; site < stepping.sites().size(); ++site) {
        stepping.step(site);
    }
    stepping.leave();
    whole.advance();
    EXPECT_EQ(stepping.states(), whole.states());
}

}  // namespace
}  // namespace alphaprune::test
