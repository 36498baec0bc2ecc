#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/phases/prune_phase.hpp"
#include "support/threads.hpp"

namespace alphaprune::test {

/// Gives the rows of a pruned model to a function.
class RowsTo : public phases::TensorStore {
  public:
    using Take =
        std::function<void(const resume::WrittenRows& rows, std::span<const std::byte> bytes)>;
    explicit RowsTo(Take take) : take_(std::move(take)) {}

    void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) override {
        take_(rows, bytes);
    }

  private:
    Take take_;
};

inline RowsTo nowhere() {
    return RowsTo([](const resume::WrittenRows&, std::span<const std::byte>) {});
}

/// prune_model() by magnitude.
inline std::vector<pruning::PrunedTensor> prune_by_magnitude(
    const parallel::Communicator& ranks, const model::Catalogue& catalogue,
    std::span<const pruning::PruneTarget> targets, phases::TensorStore& store) {
    const pruning::Pruner& magnitude = *pruning::find_pruner("magnitude");
    return phases::prune_model(ranks, parallel::NodeMap(ranks, threads_of(3)), catalogue,
                               {magnitude, {}, targets, {}}, store, {})
        .tensors;
}

/// prune_model() by the pruner of that name.
inline phases::PrunedModel prune_calibrated(
    const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
    const model::Catalogue& catalogue, std::string_view pruner,
    const model::TokenSequences& sequences, std::span<const pruning::PruneTarget> targets,
    phases::TensorStore& store, const phases::Progress& progress = {}) {
    return phases::prune_model(ranks, nodes, catalogue,
                               {*pruning::find_pruner(pruner), {}, targets, sequences}, store,
                               progress);
}

}  // namespace alphaprune::test
