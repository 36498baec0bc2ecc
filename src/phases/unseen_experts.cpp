#include "unseen_experts.hpp"

namespace alphaprune::phases {

void prune_unseen(const parallel::Communicator& ranks,
                  std::span<const pruning::SiteMatrix> matrices, std::int64_t cols,
                  const pruning::PrunerSettings& settings) {
    const pruning::Pruner& magnitude = *pruning::find_pruner("magnitude");
    for (const pruning::SiteMatrix& matrix : matrices) {
        pruning::remove_gone(matrix.rows);
        magnitude.prune_rows(ranks, parallel::ThreadPool::single(),
                             {std::as_writable_bytes(matrix.rows.weights),
                              support::ScalarType::float32, cols, false},
                             matrix.target, settings);
    }
}

}  // namespace alphaprune::phases
