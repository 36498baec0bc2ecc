#include "alphaprune/linalg/node_cholesky.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

/// Columns that are factored at a time: few leave more to share, many make products faster.
std::int64_t tile_for(std::int64_t order) {
    return order < 2048 ? 64 : 256;
}

}  // namespace

NodeCholesky::NodeCholesky(const parallel::Communicator& node, std::int64_t order)
    : node_(node), order_(order), tile_(tile_for(order)) {
    use_one_blas_thread();
    parallel::run_collectively(node_, [&] {
        matrix_.emplace(node_, order_ * order_);
        factor_.emplace(node_, order_ * order_);
    });
}

std::uint64_t NodeCholesky::node_memory(std::int64_t order) {
    return static_cast<std::uint64_t>(order * order) * (sizeof(double) + sizeof(float));
}

parallel::RowRange NodeCholesky::range_of(std::int64_t tile) const {
    return {tile * tile_, std::min((tile + 1) * tile_, order_)};
}

double* NodeCholesky::at(std::int64_t row, std::int64_t col) {
    return matrix_->values().data() + col * order_ + row;
}

bool NodeCholesky::factor(std::span<const double> gram, std::span<const double> scale,
                          std::span<const double> diagonal) {
    assert(gram.size() == static_cast<std::size_t>(order_ * order_));
    fill(gram, scale, diagonal);
    matrix_->sync();
    for (std::int64_t tile = 0; tile < tiles(); ++tile) {
        if (is_mine(tile)) {
            factor_diagonal(tile);
        }
        matrix_->sync();
        if (std::isnan(*at(range_of(tile).begin, range_of(tile).begin))) {
            matrix_->sync();  // all have seen it before anybody fills the matrix again
            return false;
        }
        solve_below(tile);
        matrix_->sync();
        update_right_of(tile);
        matrix_->sync();
    }
    keep_in_float();
    factor_->sync();
    return true;
}

void NodeCholesky::fill(std::span<const double> gram, std::span<const double> scale,
                        std::span<const double> diagonal) {
    for (std::int64_t j = node_.rank(); j < order_; j += node_.size()) {
        const double own = scale[static_cast<std::size_t>(j)];
        const double* const from = gram.data() + j * order_;
        for (std::int64_t i = j + 1; i < order_; ++i) {
            *at(i, j) = from[i] * own * scale[static_cast<std::size_t>(i)];
        }
        *at(j, j) = diagonal[static_cast<std::size_t>(j)];
    }
}

/// Where it fails a NaN on the diagonal tells all ranks.
void NodeCholesky::factor_diagonal(std::int64_t tile) {
    const parallel::RowRange cols = range_of(tile);
    double* const corner = at(cols.begin, cols.begin);
    const int n = static_cast<int>(cols.size());
    const int stride = static_cast<int>(order_);
    int info = 0;
    dpotrf_("L", &n, corner, &stride, &info, 1);
    for (std::int64_t i = cols.begin; i < cols.end; ++i) {  // not every potrf notices NaN
        info = info == 0 && std::isfinite(*at(i, i)) ? 0 : 1;
    }
    if (info != 0) {
        *corner = std::numeric_limits<double>::quiet_NaN();
    }
}

/// L_ij = A_ij·L_jj⁻ᵀ for this rank's tiles i below the diagonal one, j.
void NodeCholesky::solve_below(std::int64_t tile) {
    const parallel::RowRange cols = range_of(tile);
    const int n = static_cast<int>(cols.size());
    const int stride = static_cast<int>(order_);
    const double one = 1;
    for (std::int64_t below = tile + 1; below < tiles(); ++below) {
        if (is_mine(below)) {
            const parallel::RowRange rows = range_of(below);
            const int m = static_cast<int>(rows.size());
            dtrsm_("R", "L", "T", "N", &m, &n, &one, at(cols.begin, cols.begin), &stride,
                   at(rows.begin, cols.begin), &stride, 1, 1, 1, 1);
        }
    }
}

/// A_ik −= L_ij·L_kjᵀ for this rank's columns k of tiles right of tile j, and all i ≥ k.
void NodeCholesky::update_right_of(std::int64_t tile) {
    const parallel::RowRange cols = range_of(tile);
    const int k = static_cast<int>(cols.size());
    const int stride = static_cast<int>(order_);
    const double one = 1;
    const double minus_one = -1;
    for (std::int64_t right = tile + 1; right < tiles(); ++right) {
        if (is_mine(right)) {
            const parallel::RowRange updated = range_of(right);
            const int m = static_cast<int>(order_ - updated.begin);
            const int n = static_cast<int>(updated.size());
            const double* const left = at(updated.begin, cols.begin);
            dgemm_("N", "T", &m, &n, &k, &minus_one, left, &stride, left, &stride, &one,
                   at(updated.begin, updated.begin), &stride, 1, 1);
        }
    }
}

void NodeCholesky::keep_in_float() {
    for (std::int64_t j = node_.rank(); j < order_; j += node_.size()) {
        const double* const from = at(j, j);
        std::transform(from, from + (order_ - j), factor_->values().data() + j * order_ + j,
                       [](double value) { return static_cast<float>(value); });
    }
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
    const int m = static_cast<int>(all.size() / static_cast<std::size_t>(order_));
    const float one = 1;
    const float* const factor = factor_->values().data();
    // A row is a column to BLAS: L·Lᵀ·x = b.
    strsm_("L", "L", "N", "N", &n, &m, &one, factor, &n, all.data(), &n, 1, 1, 1, 1);
    strsm_("L", "L", "T", "N", &n, &m, &one, factor, &n, all.data(), &n, 1, 1, 1, 1);
}

}  // namespace alphaprune::linalg
