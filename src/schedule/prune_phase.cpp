#include "alphaprune/schedule/prune_phase.hpp"

#include <cassert>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"
#include "tensor_stream.hpp"

namespace alphaprune {
namespace {

/// N:M by magnitude: each row for itself, so each rank for itself.
void prune_to_pattern(std::span<std::byte> bytes, const TensorInfo& tensor, Pattern pattern) {
    std::vector<float> weights(bytes.size() / size_of(tensor.type));
    widen(bytes, tensor.type, std::span(weights));
    prune_rows(weights, tensor.row_length(), {}, pattern);
    narrow(weights, tensor.type, bytes);
}

void prune_tensor(TensorStream& stream, int index, const TensorInfo& tensor,
                  const PruneTarget& target, Ties ties, FirstError& problem) {
    const RowRange rows = stream.share(tensor);
    // The rank takes part in the selection even when its reading fails.
    std::vector<std::byte>& bytes = stream.room_for(tensor, rows);
    problem.guard([&] { stream.read(tensor, rows); });
    if (target.pattern) {
        prune_to_pattern(bytes, tensor, *target.pattern);
    } else {
        prune_magnitude(stream.ranks(), bytes, tensor.type, target.ratio, ties);
    }
    problem.guard([&] { stream.deliver(index, rows, bytes); });
}

}  // namespace

std::vector<PrunedTensor> prune_by_magnitude(const Communicator& ranks, const Catalogue& catalogue,
                                             std::span<const PruneTarget> targets, Ties ties,
                                             const RowSink& sink, const Progress& progress) {
    assert(targets.size() == catalogue.matrices.size());
    TensorStream stream(ranks, catalogue, sink);
    FirstError problem;
    const int total = static_cast<int>(catalogue.tensors.size());
    for (int t = 0; t < total; ++t) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(t)];
        if (tensor.matrix >= 0) {
            const PruneTarget& target = targets[static_cast<std::size_t>(tensor.matrix)];
            prune_tensor(stream, t, tensor, target, ties, problem);
        } else {
            problem.guard([&] { stream.copy(t); });
        }
        constexpr int kAgreeEvery = 8;  // a fault stops everyone soon, without a wait per tensor
        if (t % kAgreeEvery == 0) {
            agree(ranks, problem.get());
        }
        if (progress && ranks.is_root()) {
            progress(t + 1, total);
        }
    }
    agree(ranks, problem.get());
    return stream.results();
}

}  // namespace alphaprune
