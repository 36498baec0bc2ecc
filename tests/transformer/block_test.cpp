// Traits that the golden models do not have, against plain loops in float64; what the observer is
// shown; what a plan says of a block's work and memory.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/plain_forward.hpp"
#include "transformer/runner_states.hpp"
#include "transformer/tested_settings.hpp"

namespace alphaprune::test {
namespace {

std::vector<std::int32_t> some_tokens(std::int32_t count) {
    std::vector<std::int32_t> tokens;
    for (std::int32_t i = 0; i < count; ++i) {
        tokens.push_back((i * i + 3 * i + 7) % 40);
    }
    return tokens;
}

/// Largest difference, over the largest value expected.
double error_of(std::span<const float> ours, std::span<const double> expected) {
    EXPECT_EQ(ours.size(), expected.size());
    double most = 0;
    double error = 0;
    for (std::size_t i = 0; i < std::min(ours.size(), expected.size()); ++i) {
        most = std::max(most, std::abs(expected[i]));
        const double here = std::abs(static_cast<double>(ours[i]) - expected[i]);
        error = std::isnan(here) ? HUGE_VAL : std::max(error, here);
    }
    EXPECT_GT(most, 0);
    return error / most;
}

void expect_logits_of(const OddModel& odd, std::int32_t count) {
    const TemporaryFolder folder;
    odd.write(folder / "m");
    StoredModel model(folder / "m");
    const auto tokens = some_tokens(count);
    const auto logits = transformer::logits_of(world(), model.catalogue, model.source(), tokens);
    EXPECT_LT(error_of(logits, plain_forward(model, tokens).logits), 1e-5);
}

TEST(Blocks, MistralWithWindowAndWideHeads) {
    expect_logits_of(odd_mistral(), 21);
}

TEST(Blocks, LlamaWithBiasesAndNoWindow) {
    expect_logits_of(odd_llama(), 21);
}

TEST(Blocks, OptWithNormAfterAndNarrowEmbedding) {
    expect_logits_of(odd_opt(), 21);
}

TEST(Blocks, OptWithNormBeforeAndFinalNorm) {
    OddModel odd = odd_opt();
    odd.replace("\"do_layer_norm_before\": false", "\"do_layer_norm_before\": true");
    odd.replace("gelu", "relu");
    for (const std::string kind : {"weight", "bias"}) {
        odd.tensors.push_back(random_tensor("model.decoder.final_layer_norm." + kind,
                                            support::ScalarType::float32, {24}, 77, 1.0F));
    }
    expect_logits_of(odd, 21);
}

TEST(Blocks, ASequenceOfOneToken) {
    expect_logits_of(odd_mistral(), 1);
    expect_logits_of(odd_opt(), 1);
}

/// Longer than the tiles of tokens, queries and keys.
TEST(Blocks, ALongSequence) {
    expect_logits_of(odd_mistral(), 600);
}

/// All inputs that the observer is shown in a pass over the whole model, by matrix.
std::map<std::string, std::vector<float>> observed_inputs(StoredModel& model,
                                                          std::span<const std::int32_t> tokens,
                                                          std::size_t& calls) {
    const model::Catalogue& catalogue = model.catalogue;
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const auto runner =
        transformer::make_block_runner(world(), lone_team(), plan, tested_settings());
    const auto count = static_cast<std::int64_t>(tokens.size());
    runner->embed(std::array{tokens}, model.source());
    std::map<std::string, std::vector<float>> inputs;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        runner->load(block, model.source());
        const auto sites = transformer::input_sites(plan, block);
        const std::vector<float> before = states_of(*runner);
        runner->observe(0, [&](const transformer::ObservedInput& input) {
            EXPECT_EQ(input.site, calls++ % sites.size());
            EXPECT_EQ(input.tokens, count);
            EXPECT_TRUE(std::ranges::is_sorted(sites[input.site].matrices));
            for (const int index : sites[input.site].matrices) {
                const model::MatrixInfo& matrix =
                    catalogue.matrices[static_cast<std::size_t>(index)];
                EXPECT_EQ(matrix.block, block);
                EXPECT_EQ(input.values.size(), static_cast<std::size_t>(count * matrix.cols));
                inputs[catalogue.name_of(matrix)] = {input.values.begin(), input.values.end()};
            }
        });
        EXPECT_TRUE(states_of(*runner) == before) << "observing changes nothing";
        runner->advance(0);
    }
    return inputs;
}

void expect_inputs_of(const OddModel& odd, std::size_t calls_a_block) {
    const TemporaryFolder folder;
    odd.write(folder / "m");
    StoredModel model(folder / "m");
    const auto tokens = some_tokens(300);  // more than a tile of the mlp
    std::size_t calls = 0;
    const auto inputs = observed_inputs(model, std::span(tokens).first(60), calls);
    EXPECT_EQ(calls, calls_a_block * 2);
    const auto expected = plain_forward(model, std::span(tokens).first(60)).inputs;
    EXPECT_EQ(inputs.size(), model.catalogue.matrices.size());
    for (const auto& [name, input] : inputs) {
        EXPECT_LT(error_of(input, expected.at(name)), 1e-5) << name;
    }
}

TEST(Observer, SeesTheInputOfEveryMatrix) {
    expect_inputs_of(odd_mistral(), 4);
    expect_inputs_of(odd_llama(), 4);
    expect_inputs_of(odd_opt(), 4);
}

TEST(Blocks, CountTheirFlops) {
    const TemporaryFolder folder;
    odd_mistral().write(folder / "m");
    const StoredModel model(folder / "m");
    const transformer::ForwardPlan plan = transformer::make_forward_plan(model.catalogue);
    const double weights = 2 * 24 * 20 + 2 * 12 * 20 + 3 * 30 * 20;
    const double pairs = 1 + 2 + 3 + 4 + 5 + 5 + 5;
    EXPECT_EQ(transformer::block_flops(plan, 1, 7), 2 * 7 * weights + 4 * 24 * pairs);
    const transformer::SharedFlops alone = transformer::shared_flops(plan, 1, 7, 1);
    EXPECT_EQ(alone.products, 2 * 7 * weights);
    EXPECT_EQ(alone.attention, 4 * 24 * pairs);
    EXPECT_EQ(alone.unobserved, 2 * 7 * 30 * 20.0);  // the last projection of the MLP
    // Products this small are one tile each: of four workers three wait.
    EXPECT_EQ(transformer::shared_flops(plan, 1, 7, 4).products, 4 * alone.products);
}

TEST(Blocks, TakeNoMoreScratchThanTheySay) {
    constexpr std::int64_t kTokens = 3000;
    const TemporaryFolder folder;
    odd_mistral().write(folder / "m");
    StoredModel model(folder / "m");
    const transformer::ForwardPlan plan = transformer::make_forward_plan(model.catalogue);
    const auto runner =
        transformer::make_block_runner(world(), lone_team(), plan, tested_settings());
    runner->load(0, model.source());
    const std::vector<std::int32_t> tokens(kTokens, 1);
    runner->embed(std::array{std::span(tokens).first(1)}, model.source());
    runner->advance(0);  // the BLAS takes its buffers
    runner->embed(std::array{std::span(tokens)}, model.source());
    const auto in_use = [] {
        const auto info = mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    const auto before = in_use();
    runner->advance(0);
    const auto after = in_use();
    const std::uint64_t said = transformer::scratch_bytes(plan, kTokens);
    EXPECT_LE(after, before + said + 16384);
    // Nothing to see where another allocator (a sanitizer's) is at work.
    EXPECT_TRUE(after == before || after > before + said / 2);
    EXPECT_LE(transformer::scratch_bytes(plan, 2 * kTokens), 2 * said);
}

}  // namespace
}  // namespace alphaprune::test
