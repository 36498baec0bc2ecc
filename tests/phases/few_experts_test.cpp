// A small mixture of experts of which some get few tokens, others none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "alphaprune/transformer/block_runner.hpp"
#include "phases/calibrated_runs.hpp"
#include "pruning/sparsegpt_oracle.hpp"

namespace alphaprune::phases {
namespace {

using test::expect_same_bits;
using test::Pruned;
using test::random_sequences;
using test::SharedModel;
using test::spread_over;
using test::widened;
using test::world;

namespace fs = std::filesystem;
using Part = transformer::SitePlace::Part;

constexpr std::int64_t kSequences = 3;

class FewExperts : public testing::Test {
  protected:
    std::vector<pruning::PruneTarget> uniform(double ratio) const {
        std::vector<pruning::PruneTarget> targets(model_.catalogue().matrices.size());
        std::ranges::fill(targets, pruning::PruneTarget{ratio, {}});
        return targets;
    }

    SharedModel model_{[](const fs::path& folder) {
        fs::copy(fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models/tiny-qwen3_moe", folder,
                 fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }};
};

/// What comes to the sites of block 0, by site and sequence, and what its router divides.
struct BlockInputs {
    std::vector<std::vector<std::vector<float>>> sites;
    std::vector<std::vector<float>> routed;
};

BlockInputs inputs_of_first_block(const model::Catalogue& catalogue,
                                  const transformer::ForwardPlan& plan,
                                  const model::TokenSequences& sequences) {
    const parallel::Communicator self = test::alone();
    model::WeightReader reader(catalogue);
    const model::RowSource source = [&](const model::TensorInfo& tensor, parallel::RowRange rows,
                                        std::span<std::byte> out) {
        reader.read_rows(tensor, rows, out);
    };
    const auto runner = transformer::make_block_runner(self, test::lone_team(), plan);
    std::vector<std::span<const std::int32_t>> all;
    for (std::int64_t s = 0; s < sequences.count(); ++s) {
        all.push_back(sequences.sequence(s));
    }
    runner->embed(all, source);
    runner->load(0, source);
    BlockInputs inputs;
    inputs.sites.resize(plan.block(0).sites.size());
    for (std::int64_t s = 0; s < sequences.count(); ++s) {
        runner->observe(s, [&](const transformer::ObservedInput& seen) {
            inputs.sites[seen.site].emplace_back(seen.values.begin(), seen.values.end());
            if (!seen.routed.empty()) {
                inputs.routed.emplace_back(seen.routed.begin(), seen.routed.end());
            }
        });
    }
    return inputs;
}

std::int64_t values_in(const std::vector<std::vector<float>>& sequences) {
    std::int64_t values = 0;
    for (const std::vector<float>& sequence : sequences) {
        values += std::ssize(sequence);
    }
    return values;
}

/// The tokens of a site of an expert, and what is to stand for those that lack.
std::vector<std::vector<float>> filled_up(const BlockInputs& inputs, std::size_t site, Part part,
                                          std::int64_t cols) {
    std::vector<std::vector<float>> filled = inputs.sites[site];
    const std::int64_t tokens = values_in(filled) / cols;
    const auto lacking = static_cast<double>(cols - tokens);
    if (lacking > 0 && part == Part::first) {
        const auto all = static_cast<double>(values_in(inputs.routed) / cols);
        for (std::vector<float> sequence : std::vector(inputs.routed)) {
            for (float& value : sequence) {
                value = static_cast<float>(value * std::sqrt(lacking / all));
            }
            filled.push_back(sequence);
        }
    } else if (lacking > 0) {
        double squares = 0;
        for (const std::vector<float>& sequence : inputs.sites[site]) {
            for (const float value : sequence) {
                squares += double{value} * value;
            }
        }
        std::vector<float> independent(static_cast<std::size_t>(cols * cols));
        for (std::int64_t i = 0; i < cols; ++i) {
            independent[static_cast<std::size_t>(i * (cols + 1))] = static_cast<float>(
                std::sqrt(lacking * squares / static_cast<double>(tokens * cols)));
        }
        filled.push_back(independent);
    }
    return filled;
}

TEST_F(FewExperts, AreBlendedByPlainLoops) {
    constexpr double kRatio = 0.5;
    constexpr double kRounding = 1.0 / 128;  // of what is stored
    const model::Catalogue& catalogue = model_.catalogue();
    const model::TokenSequences sequences = random_sequences(kSequences, 20);
    const auto plan = transformer::make_forward_plan(catalogue);
    const BlockInputs inputs = inputs_of_first_block(catalogue, plan, sequences);
    const Pruned ours = run_calibrated(world(), parallel::NodeMap(world()), catalogue, "sparsegpt",
                                       sequences, uniform(kRatio));
    const auto sites = transformer::input_sites(plan, 0);
    int blended = 0;
    for (std::size_t site = 0; site < sites.size(); ++site) {
        const transformer::SitePlace& place = plan.block(0).sites[site];
        const std::int64_t tokens = values_in(inputs.sites[site]) / sites[site].cols;
        if (place.expert < 0 || tokens == 0) {
            continue;
        }
        blended += tokens < sites[site].cols ? 1 : 0;
        for (const int index : sites[site].matrices) {
            const auto t = static_cast<std::size_t>(
                catalogue.matrices[static_cast<std::size_t>(index)].tensor);
            const model::TensorInfo& tensor = catalogue.tensors[t];
            const test::SparsegptProblem problem{
                tensor.rows(), sites[site].cols, kSequences,
                filled_up(inputs, site, place.part, sites[site].cols),
                widened(test::stored_bytes(catalogue, tensor), tensor.scalar_type())};
            const auto expected = test::pruned_by_the_book(problem, kRatio, {});
            const auto values = widened(ours.tensors[t], tensor.scalar_type());
            EXPECT_GE(test::mask_agreement(values, expected), 0.99) << tensor.name;
            EXPECT_LT(test::relative_distance(values, expected), 4 * kRounding) << tensor.name;
        }
    }
    EXPECT_GT(blended, 4);
}

TEST_F(FewExperts, HaveTheSameBitsOnAnyRanksAndNodes) {
    const auto targets = uniform(0.6);
    for (const std::int64_t tokens : {1, 4, 30}) {
        const model::TokenSequences sequences = random_sequences(kSequences, tokens);
        for (const char* method : {"wanda", "sparsegpt", "alps"}) {
            const Pruned one = test::run_alone(model_.catalogue(), method, sequences, targets);
            for (const int nodes : {1, 2}) {
                SCOPED_TRACE(std::string(method) + " on " + std::to_string(nodes) + " nodes, " +
                             std::to_string(tokens) + " tokens");
                const Pruned other = run_calibrated(world(), spread_over(nodes), model_.catalogue(),
                                                    method, sequences, targets);
                expect_same_bits(model_.catalogue(), one, other);
                EXPECT_EQ(one.result.notes, other.result.notes);
            }
        }
    }
}

/// Every site by itself, pairs of them, and experts apart from the rest.
std::vector<std::vector<std::size_t>> ways_to_take_turns(std::size_t sites) {
    std::vector<std::vector<std::size_t>> ways{{}, {}, {0, 5, sites - 3}};
    for (std::size_t site = 0; site < sites; ++site) {
        ways[0].push_back(site);
        site % 2 == 0 ? ways[1].push_back(site) : void();
    }
    return ways;
}

TEST_F(FewExperts, HaveTheSameBitsInTurns) {
    const model::Catalogue& catalogue = model_.catalogue();
    const model::TokenSequences sequences = random_sequences(kSequences, 20);
    const auto targets = uniform(0.6);
    const std::size_t sites =
        transformer::input_sites(transformer::make_forward_plan(catalogue), 0).size();
    for (const char* method : {"wanda", "sparsegpt", "alps"}) {
        for (const pruning::OutputTargets& outputs :
             {pruning::OutputTargets{}, pruning::OutputTargets{0.5, 0.5}}) {
            PruneRequest request{.pruner = *pruning::find_pruner(method),
                                 .targets = targets,
                                 .calibration = sequences};
            request.settings.outputs = outputs;
            auto at_once = test::nowhere();
            const PrunedModel expected =
                prune_model(world(), parallel::NodeMap(world()), catalogue, request, at_once, {});
            for (const auto& way : ways_to_take_turns(sites)) {
                SCOPED_TRACE(std::string(method) + " in " + std::to_string(way.size()) + " turns");
                const std::vector turns(static_cast<std::size_t>(catalogue.blocks()), way);
                request.turns = turns;
                auto in_turns = test::nowhere();
                const PrunedModel pruned =
                    prune_model(world(), spread_over(2), catalogue, request, in_turns, {});
                EXPECT_EQ(pruned.tensors, expected.tensors);
                EXPECT_EQ(pruned.fits, expected.fits);
                EXPECT_EQ(pruned.notes, expected.notes);
            }
        }
    }
}

bool mentions(const std::string& note, const std::string& words) {
    return note.find(words) != std::string::npos;
}

/// One sequence of one token: two of six experts have a token in each of three blocks.
TEST_F(FewExperts, AreNamedOnceABlock) {
    const model::TokenSequences sequences = random_sequences(1, 1);
    for (const char* method : {"wanda", "sparsegpt"}) {
        auto store = test::nowhere();
        const PrunedModel pruned =
            test::prune_calibrated(world(), parallel::NodeMap(world()), model_.catalogue(), method,
                                   sequences, uniform(0.5), store);
        const bool blends = std::string(method) == "sparsegpt";
        ASSERT_EQ(pruned.notes.size(), blends ? 6U : 3U);
        for (const std::string& note : pruned.notes) {
            EXPECT_TRUE(mentions(note, "no token of the calibration reached 4 experts") ||
                        (blends && mentions(note, "2 experts")))
                << note;
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
