#include "alphaprune/linalg/node_cholesky.hpp"

#include <algorithm>
#include <cassert>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "blas.hpp"
#include "shared_columns.hpp"
#include "tiled_cholesky.hpp"

namespace alphaprune::linalg {

NodeCholesky::NodeCholesky(const parallel::Communicator& node, std::int64_t order,
                           const parallel::ThreadPool& threads)
    : node_(node), threads_(threads), order_(order) {
    parallel::run_collectively(node_, [&] {
        tiles_ = std::make_unique<TiledCholesky>(node_, order_, TiledCholesky::usual_tile(order_),
                                                 threads_);
        factor_.emplace(node_, order_ * order_);
    });
}

std::uint64_t NodeCholesky::node_memory(std::int64_t order) {
    return TiledCholesky::node_memory(order) +
           static_cast<std::uint64_t>(order * order) * sizeof(float);
}

NodeCholesky::~NodeCholesky() = default;

bool NodeCholesky::factor(std::span<const double> gram, std::span<const double> scale,
                          std::span<const double> diagonal) {
    if (!tiles_->factor(gram, scale, diagonal, Elimination::from_first)) {
        return false;
    }
    keep_in_float();
    factor_->sync();
    return true;
}

void NodeCholesky::keep_in_float() {
    share_columns(node_, threads_, order_, [&](std::int64_t j) {
        std::ranges::transform(tiles_->column(j), factor_->values().data() + j * order_ + j,
                               [](double value) { return static_cast<float>(value); });
    });
}

void NodeCholesky::solve(std::span<float> rows, std::int64_t first_row) const {
    assert(rows.size() % static_cast<std::size_t>(order_) == 0);
    AlignedRows aligned(rows, first_row, order_);
    solve(aligned);
    std::ranges::copy(aligned.own(), rows.begin());
}

void NodeCholesky::solve(AlignedRows& rows) const {
    if (rows.own().empty()) {
        return;
    }
    const std::span<float> all = rows.all();
    const int n = static_cast<int>(order_);
    const float one = 1;
    const float* const factor = factor_->values().data();
    share_groups(threads_, std::ssize(all) / order_, [&](parallel::RowRange some) {
        const int m = static_cast<int>(some.size());
        float* const values = all.data() + some.begin * order_;
        // A row is a column to BLAS: L·Lᵀ·x = b.
        strsm_("L", "L", "N", "N", &n, &m, &one, factor, &n, values, &n, 1, 1, 1, 1);
        strsm_("L", "L", "T", "N", &n, &m, &one, factor, &n, values, &n, 1, 1, 1, 1);
    });
}

}  // namespace alphaprune::linalg
