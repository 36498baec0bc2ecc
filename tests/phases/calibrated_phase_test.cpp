#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "alphaprune/support/checksum.hpp"
#include "phases/calibrated_runs.hpp"
#include "phases/plain_wanda.hpp"

namespace alphaprune::phases {
namespace {

using test::expect_same_bits;
using test::Pruned;
using test::random_sequences;
using test::run_alone;
using test::run_calibrated;
using test::SharedModel;
using test::spread_over;
using test::varied_targets;
using test::widened;
using test::world;

struct Sizes {
    std::int64_t sequences;
    std::int64_t tokens;
};

/// Fewer sequences than ranks, sequences of one token, and the ordinary case.
class CalibratedPhase : public testing::TestWithParam<Sizes> {
  protected:
    Pruned on_world(std::string_view method, const parallel::NodeMap& nodes) const {
        return run_calibrated(world(), nodes, model_.catalogue(), method, sequences_, targets_);
    }

    SharedModel model_{[](const std::filesystem::path& folder) {
        test::make_llama_folder(folder, 2, 32, 56, 4, 2, 7, support::ScalarType::bfloat16);
    }};
    model::TokenSequences sequences_ = random_sequences(GetParam().sequences, GetParam().tokens);
    std::vector<pruning::PruneTarget> targets_ = varied_targets(model_.catalogue());
};
INSTANTIATE_TEST_SUITE_P(Sizes, CalibratedPhase,
                         testing::Values(Sizes{5, 12}, Sizes{2, 12}, Sizes{1, 7}, Sizes{6, 1}));

TEST_P(CalibratedPhase, GivesTheSameBitsOnAnyRanksNodesAndThreads) {
    for (const char* method : {"wanda", "sparsegpt"}) {
        const Pruned one = run_alone(model_.catalogue(), method, sequences_, targets_);
        for (const int nodes : {1, 2, 3}) {
            SCOPED_TRACE(std::string(method) + " on " + std::to_string(nodes) + " nodes");
            const int threads = 4 - nodes;
            expect_same_bits(model_.catalogue(), one,
                             on_world(method, spread_over(nodes, threads)));
        }
    }
}

TEST_P(CalibratedPhase, WandaIsWhatPlainLoopsCompute) {
    const model::Catalogue& catalogue = model_.catalogue();
    const Pruned ours = on_world("wanda", parallel::NodeMap(world()));
    const auto plain = test::wanda_plainly(catalogue, sequences_, targets_);
    for (std::size_t m = 0; m < plain.size(); ++m) {
        const auto t = static_cast<std::size_t>(catalogue.matrices[m].tensor);
        EXPECT_EQ(widened(ours.tensors[t], support::ScalarType::bfloat16), plain[m])
            << catalogue.tensors[t].name;
    }
}

TEST_P(CalibratedPhase, BooksWhatTheStoresGotAndLeavesOtherTensorsAlone) {
    const model::Catalogue& catalogue = model_.catalogue();
    for (const char* method : {"wanda", "sparsegpt"}) {
        const Pruned pruned = on_world(method, parallel::NodeMap(world()));
        for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
            const model::TensorInfo& tensor = catalogue.tensors[t];
            const auto& booked = pruned.result.tensors[t];
            const auto values = widened(pruned.tensors[t], tensor.scalar_type());
            EXPECT_EQ(booked.checksum,
                      support::checksum_of_rows(pruned.tensors[t], tensor.row_bytes(), 0));
            EXPECT_EQ(booked.zeros, std::ranges::count(values, 0.0F)) << tensor.name;
            if (tensor.matrix < 0) {
                EXPECT_EQ(pruned.tensors[t], test::stored_bytes(catalogue, tensor)) << tensor.name;
            } else {
                const double ratio = targets_[static_cast<std::size_t>(tensor.matrix)].ratio;
                EXPECT_NEAR(static_cast<double>(booked.zeros) / static_cast<double>(values.size()),
                            ratio, 1.0 / static_cast<double>(tensor.row_length()))
                    << tensor.name;
            }
        }
    }
}

/// A model whose tensors are those of a finished run.
SharedModel model_of(const model::Catalogue& catalogue, const Pruned& pruned) {
    return SharedModel([&](const std::filesystem::path& folder) {
        std::vector<test::StoredTensor> tensors;
        for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
            const model::TensorInfo& tensor = catalogue.tensors[t];
            tensors.push_back({tensor.name, tensor.type.name(), tensor.shape, pruned.tensors[t]});
        }
        test::write_model_folder(folder, catalogue.configuration_text, tensors);
    });
}

TEST_P(CalibratedPhase, ABlockSeesTheOneBeforeAsTheCheckpointHoldsIt) {
    const model::Catalogue& catalogue = model_.catalogue();
    for (const char* method : {"wanda", "sparsegpt"}) {
        std::vector<pruning::PruneTarget> first = targets_;   // the first block alone
        std::vector<pruning::PruneTarget> second = targets_;  // the second alone
        for (std::size_t m = 0; m < targets_.size(); ++m) {
            (catalogue.matrices[m].block == 0 ? second : first)[m].ratio = 0;
        }
        const SharedModel half =
            model_of(catalogue, run_calibrated(world(), parallel::NodeMap(world()), catalogue,
                                               method, sequences_, first));
        const Pruned whole = on_world(method, spread_over(2));
        const Pruned other_half = run_calibrated(world(), parallel::NodeMap(world()),
                                                 half.catalogue(), method, sequences_, second);
        // Not the first block: rows that are all zero by now are dead inputs of its next matrix.
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            const auto t = static_cast<std::size_t>(matrix.tensor);
            EXPECT_TRUE(matrix.block == 0 || whole.tensors[t] == other_half.tensors[t])
                << catalogue.name_of(matrix);
        }
    }
}

TEST_P(CalibratedPhase, BlocksThatAreLeftOutStayDenseAndTheOthersSeeThemSo) {
    const model::Catalogue& whole = model_.catalogue();
    for (const int kept : {0, 1}) {
        model::Catalogue part = whole;
        model::keep_blocks(part, {kept, kept});
        std::vector<pruning::PruneTarget> all = targets_;
        std::vector<pruning::PruneTarget> some;
        for (std::size_t m = 0; m < all.size(); ++m) {
            if (whole.matrices[m].block == kept) {
                some.push_back(all[m]);
            } else {
                all[m].ratio = 0;
            }
        }
        for (const char* method : {"wanda", "sparsegpt"}) {
            expect_same_bits(
                whole, run_calibrated(world(), spread_over(2), whole, method, sequences_, all),
                run_calibrated(world(), spread_over(2), part, method, sequences_, some));
        }
    }
}

class CalibratedPattern : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Methods, CalibratedPattern, testing::Values("wanda", "sparsegpt"));

TEST_P(CalibratedPattern, HoldsInEveryGroup) {
    const SharedModel model(support::ScalarType::float32);
    const model::Catalogue& catalogue = model.catalogue();
    std::vector<pruning::PruneTarget> targets(catalogue.matrices.size());
    for (std::size_t m = 0; m < targets.size(); ++m) {
        targets[m].pattern = m % 3 == 0 ? pruning::Pattern{3, 8} : pruning::Pattern{2, 4};
        targets[m].ratio = m % 3 == 0 ? 0.375 : 0.5;
    }
    const Pruned pruned = run_calibrated(world(), spread_over(2), catalogue, GetParam(),
                                         random_sequences(5, 12), targets);
    for (std::size_t m = 0; m < targets.size(); ++m) {
        const auto t = static_cast<std::size_t>(catalogue.matrices[m].tensor);
        const auto values = widened(pruned.tensors[t], support::ScalarType::float32);
        const auto group = static_cast<std::size_t>(targets[m].pattern->group);
        int wrong = 0;
        for (std::size_t at = 0; at < values.size(); at += group) {
            const auto zeros = std::ranges::count(std::span(values).subspan(at, group), 0.0F);
            wrong += zeros == targets[m].pattern->removed ? 0 : 1;
        }
        EXPECT_EQ(wrong, 0) << catalogue.tensors[t].name;
    }
}

}  // namespace
}  // namespace alphaprune::phases
