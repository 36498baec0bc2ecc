// Pruners with Hessians where a graphics card runs the blocks and adds up the products of inputs:
// against plain loops, and against the processor.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>

#include "phases/card_fixture.hpp"

namespace alphaprune::phases {
namespace {

using test::spread_over;
using test::widened;
using test::world;

class CardHessians : public CardPhases {};
INSTANTIATE_TEST_SUITE_P(Models, CardHessians, testing::Values("tiny-llama3", "tiny-qwen3_moe"));

/// In float64.
std::vector<double> gram_of(const std::vector<float>& values, std::size_t cols) {
    std::vector<double> gram(cols * cols);
    for (std::size_t at = 0; at < values.size(); at += cols) {
        for (std::size_t i = 0; i < cols; ++i) {
            for (std::size_t j = 0; j < cols; ++j) {
                gram[i * cols + j] += double{values[at + i]} * double{values[at + j]};
            }
        }
    }
    return gram;
}

TEST_P(CardHessians, AreWhatPlainLoopsAddUp) {
    FirstBlock block(model_.catalogue());
    std::vector<std::vector<float>> values(block.sites());
    block.observe(InputNeeds::values, [&](const transformer::ObservedInput& seen) {
        values[seen.site].insert(values[seen.site].end(), seen.values.begin(), seen.values.end());
    });
    auto statistics = block.statistics();
    int compared = 0;
    for (std::size_t site = 0; site < block.sites(); ++site) {
        const auto cols = static_cast<std::size_t>(block.cols(site));
        if (values[site].empty()) {
            continue;
        }
        statistics[site].finish("test");
        EXPECT_EQ(statistics[site].tokens() * block.cols(site), std::ssize(values[site]));
        std::vector<double> found(cols * cols);
        statistics[site].lane().download(std::as_writable_bytes(std::span(found)),
                                         statistics[site].far_gram());
        const std::vector<double> expected = gram_of(values[site], cols);
        double worst = 0;
        for (std::size_t i = 0; i < cols; ++i) {
            for (std::size_t j = i; j < cols; ++j) {
                const double size = std::sqrt(expected[i * (cols + 1)] * expected[j * (cols + 1)]);
                const double off = std::abs(found[i * cols + j] - expected[i * cols + j]);
                worst = std::max(worst, size > 0 ? off / size : off);
            }
        }
        EXPECT_LT(worst, 1e-6) << "site " << site;
        ++compared;
    }
    EXPECT_GE(compared, 4);
}

TEST_P(CardHessians, AreRefusedWithInputsThatAreNotFinite) {
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        FirstBlock block(model_.catalogue());
        std::vector<float> state(block.runner().state_size());
        std::ranges::copy(block.runner().state(9), state.begin());
        state[5] = bad;
        block.runner().put_state(9, state);
        auto statistics = block.statistics();
        EXPECT_THROW(statistics.front().finish("test"), support::Error);
    }
}

TEST_P(CardHessians, SayWhatToDoWhereTheyDoNotFitInTheMemory) {
    if (device::CardModule::get().cards().front().name != "made-up card") {
        GTEST_SKIP() << "a true card does not fail on demand";
    }
    FirstBlock block(model_.catalogue());
    block.observe(InputNeeds::products, {});  // takes all other memory
    ::setenv("FAKE_CARD_FORWARD_FULL", "2", 1);
    try {
        block.statistics();
        ADD_FAILURE() << "they fit";
    } catch (const support::Error& error) {
        EXPECT_NE(std::string(error.what()).find("sums of products of inputs"), std::string::npos)
            << error.what();
    }
    ::unsetenv("FAKE_CARD_FORWARD_FULL");
}

struct Outcome {
    std::vector<std::vector<std::byte>> tensors;
    double perplexity = 0;  ///< of sequences that are held out, with block 0 pruned
};

/// What a run on all ranks makes of a model.
Outcome outcome_of(const model::Catalogue& catalogue, PruneRequest request) {
    std::vector<std::vector<int>> received;
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        received.emplace_back(tensor.bytes(), 0);
    }
    test::RowsTo store([&](const resume::WrittenRows& written, std::span<const std::byte> bytes) {
        const auto t = static_cast<std::size_t>(written.tensor);
        auto at = static_cast<std::size_t>(written.rows.begin) * catalogue.tensors[t].row_bytes();
        for (const std::byte byte : bytes) {
            received[t].at(at++) += 256 + std::to_integer<int>(byte);
        }
    });
    const parallel::NodeMap nodes = spread_over(1);
    Outcome outcome;
    prune_model(world(), nodes, catalogue, request, store, {});
    for (std::size_t t = 0; t < received.size(); ++t) {
        outcome.tensors.push_back(
            test::put_together(world(), std::move(received[t]), catalogue.tensors[t].name));
    }
    std::vector<std::uint8_t> held_out(static_cast<std::size_t>(request.calibration.count()), 0);
    std::fill(held_out.end() - 4, held_out.end(), std::uint8_t{1});
    request.held_out = held_out;
    request.most_blocks = 1;
    const auto losses = losses_after_pruning(world(), nodes, catalogue, request);
    outcome.perplexity =
        std::exp(std::reduce(losses.begin(), losses.end()) / static_cast<double>(losses.size()));
    return outcome;
}

/// What share of a block's weights are zero in both or in neither, and in each of its matrices.
struct MaskAgreement {
    double all = 0;
    std::string of_matrices;
};

/// Whether one weight that goes in place of another, which had almost its magnitude, changes the
/// inputs of the sites that follow, and by them what their weights are fitted to: in a model that
/// has learned nothing much more than the rounding that was the cause.
bool carries_on(const PruneRequest& request) {
    return request.site_order == SiteOrder::sequential && request.settings.outputs.any();
}

/// @param to_first_difference  what follows a matrix that is not pruned alike does not count
MaskAgreement mask_agreement_in_block(const model::Catalogue& catalogue, int block,
                                      const Outcome& one, const Outcome& other,
                                      bool to_first_difference) {
    MaskAgreement agreement;
    std::int64_t all_same = 0;
    std::int64_t all = 0;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        if (matrix.block != block || (to_first_difference && all_same < all)) {
            continue;
        }
        const auto t = static_cast<std::size_t>(matrix.tensor);
        const support::ScalarType type = catalogue.tensors[t].scalar_type();
        const std::vector<float> here = widened(one.tensors[t], type);
        const std::vector<float> there = widened(other.tensors[t], type);
        std::int64_t same = 0;
        for (std::size_t i = 0; i < here.size(); ++i) {
            same += (here[i] == 0) == (there[i] == 0) ? 1 : 0;
        }
        agreement.of_matrices +=
            fmt::format("{}: {} of {}\n", catalogue.name_of(matrix), same, here.size());
        all_same += same;
        all += std::ssize(here);
    }
    agreement.all = static_cast<double>(all_same) / static_cast<double>(all);
    return agreement;
}

/// ALPS ends elsewhere after the least difference, as that of activations is, and the more so with
/// every site whose inputs have come from what it made of the one before.
bool amplifies(const pruning::Pruner& pruner, SiteOrder order) {
    return pruner.name == "alps" && order == SiteOrder::sequential;
}

TEST_P(CardHessians, PruneAsOnTheProcessor) {
    const model::Catalogue& catalogue = model_.catalogue();
    const model::TokenSequences sequences = random_sequences(kSequences, kTokens);
    const auto targets = uniform(0.6);
    const auto expect_alike = [&](PruneRequest request) {
        const Outcome processor = outcome_of(catalogue, request);
        request.forward = test::tested_settings();
        const Outcome card = outcome_of(catalogue, request);
        const MaskAgreement agreement =
            mask_agreement_in_block(catalogue, 0, card, processor, carries_on(request));
        EXPECT_GE(agreement.all, 0.998) << agreement.of_matrices;
        if (request.pruner.name != "alps") {  // of a model that has learned nothing it differs by
                                              // one in a hundred between processors, too
            EXPECT_NEAR(card.perplexity, processor.perplexity, 0.02 * processor.perplexity);
        }
    };
    for (const char* method : {"sparsegpt", "alps", "magnitude", "wanda"}) {
        const pruning::Pruner& pruner = *pruning::find_pruner(method);
        for (const pruning::OutputTargets& outputs :
             {pruning::OutputTargets{}, pruning::OutputTargets{0.5, 0.5}}) {
            for (const SiteOrder order : {SiteOrder::together, SiteOrder::sequential}) {
                PruneRequest request{.pruner = pruner,
                                     .targets = targets,
                                     .calibration = sequences,
                                     .site_order = order};
                request.settings.outputs = outputs;
                if (pruning::needs_hessians(pruner, request.settings) &&
                    !amplifies(pruner, order)) {
                    SCOPED_TRACE(std::string(method) + (outputs.any() ? ", targets" : "") +
                                 (order == SiteOrder::sequential ? ", sequentially" : ""));
                    expect_alike(request);
                }
            }
        }
    }
}

/// Where hidden states lie changes no bit.
TEST_P(CardHessians, AreTheSameWithStatesOnTheHost) {
    const model::Catalogue& catalogue = model_.catalogue();
    const model::TokenSequences sequences = random_sequences(5, kTokens);
    const auto targets = uniform(0.6);
    for (const char* method : {"wanda", "sparsegpt"}) {
        for (const SiteOrder order : {SiteOrder::together, SiteOrder::sequential}) {
            PruneRequest request{.pruner = *pruning::find_pruner(method),
                                 .targets = targets,
                                 .calibration = sequences,
                                 .site_order = order};
            request.settings.outputs = {0.5, 0.5};
            request.forward = test::tested_settings();
            const Outcome expected = outcome_of(catalogue, request);
            for (const std::int64_t on_card : {0, 2}) {
                request.forward.states_on_card = on_card;
                const Outcome outcome = outcome_of(catalogue, request);
                EXPECT_EQ(outcome.tensors, expected.tensors) << method << ", " << on_card;
                EXPECT_EQ(outcome.perplexity, expected.perplexity) << method << ", " << on_card;
            }
        }
    }
}

/// Which sites are added up at a time, and whether a rank has a sequence at all.
TEST_P(CardHessians, AreTheSameInTurns) {
    const model::Catalogue& catalogue = model_.catalogue();
    const auto targets = uniform(0.6);
    const std::size_t sites =
        transformer::input_sites(transformer::make_forward_plan(catalogue), 0).size();
    for (const std::int64_t count : {std::int64_t{1}, kSequences}) {
        const model::TokenSequences sequences = random_sequences(count, kTokens);
        PruneRequest request{.pruner = *pruning::find_pruner("sparsegpt"),
                             .targets = targets,
                             .calibration = sequences};
        request.forward = test::tested_settings();
        auto at_once = test::nowhere();
        const PrunedModel expected =
            prune_model(world(), spread_over(1), catalogue, request, at_once, {});
        const std::vector turns(static_cast<std::size_t>(catalogue.blocks()),
                                std::vector<std::size_t>{0, 1, sites - 1});
        request.turns = turns;
        auto in_turns = test::nowhere();
        const PrunedModel pruned =
            prune_model(world(), spread_over(1), catalogue, request, in_turns, {});
        EXPECT_EQ(pruned.tensors, expected.tensors);
        EXPECT_EQ(pruned.notes, expected.notes);
    }
}

}  // namespace
}  // namespace alphaprune::phases
