#include "pruned_outputs.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::phases {
namespace {

const support::Failure<std::size_t, std::string_view, std::string> kBeyondRange{
    "phases.weights-beyond-range", "{} pruned weights are beyond the range of {}",
    "the pruner corrects the weights that stay, and a correction was too large for their type",
    "ask for a lower sparsity ratio, or prune with a method that changes no other weights "
    "(--prune-method {2})"};

/// Rows are rounded so many values at a time, which stay in the cache.
constexpr std::int64_t kRoundedAtATime = 1 << 15;

}  // namespace

void round_to_stored(const parallel::ThreadPool& threads, const model::Catalogue& catalogue,
                     const model::TensorInfo& tensor, std::span<float> rows) {
    const support::ScalarType type = tensor.scalar_type();
    std::atomic<std::size_t> bad = 0;
    threads.run_slices(std::ssize(rows), kRoundedAtATime, [&](parallel::RowRange slice) {
        const auto some = rows.subspan(static_cast<std::size_t>(slice.begin),
                                       static_cast<std::size_t>(slice.size()));
        std::vector<std::byte> stored(some.size() * support::size_of(type));
        support::narrow(some, type, stored);
        bad += support::count_non_finite(stored, type);
        support::widen(stored, type, some);
    });
    if (bad > 0) {
        throw kBeyondRange(model::place_of(catalogue, tensor), bad.load(), tensor.type.name(),
                           pruning::pruners_that_keep_weights());
    }
}

void exchange_between_nodes(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                            transformer::BlockRunner& runner, int matrix, std::int64_t outputs) {
    {
        const auto waiting = nodes.clock().during(parallel::Work::wait);
        runner.sync();
    }
    if (nodes.nodes() > 1) {
        const auto exchanging = nodes.clock().during(parallel::Work::exchange);
        for (int rank = 0; rank < ranks.size(); ++rank) {
            const parallel::RowRange theirs = parallel::share_of(outputs, ranks.size(), rank);
            if (!theirs.empty()) {
                nodes.broadcast_from_node_of(rank, runner.rows(matrix, theirs));
            }
        }
    }
    runner.replaced(matrix);
}

}  // namespace alphaprune::phases
