#include "tiled_cholesky.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/slabs.hpp"
#include "blas.hpp"
#include "shared_columns.hpp"

namespace alphaprune::linalg {
namespace {

/// Rows of a tile's columns that are updated at a time: few leave more to share. Part of the
/// result.
constexpr std::int64_t kCellRows = 512;

}  // namespace

TiledCholesky::TiledCholesky(const parallel::Communicator& node, std::int64_t order,
                             std::int64_t tile, const parallel::ThreadPool& threads)
    : node_(node), threads_(threads), order_(order), tile_(tile) {
    use_one_blas_thread();
    parallel::run_collectively(node_, [&] { matrix_.emplace(node_, order_ * order_); });
}

parallel::RowRange TiledCholesky::range_of(std::int64_t tile) const {
    return {tile * tile_, std::min((tile + 1) * tile_, order_)};
}

double* TiledCholesky::at(std::int64_t row, std::int64_t col) {
    return matrix_->values().data() + col * order_ + row;
}

bool TiledCholesky::factor(std::span<const double> gram, std::span<const double> scale,
                           std::span<const double> diagonal, Elimination elimination) {
    assert(gram.size() == static_cast<std::size_t>(order_ * order_));
    elimination == Elimination::from_first ? fill(gram, scale, diagonal)
                                           : fill_in_reverse(gram, scale, diagonal);
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
    return true;
}

void TiledCholesky::fill(std::span<const double> gram, std::span<const double> scale,
                         std::span<const double> diagonal) {
    share_columns(node_, threads_, order_, [&](std::int64_t j) {
        const double own = scale[static_cast<std::size_t>(j)];
        const double* const from = gram.data() + j * order_;
        for (std::int64_t i = j + 1; i < order_; ++i) {
            *at(i, j) = from[i] * own * scale[static_cast<std::size_t>(i)];
        }
        *at(j, j) = diagonal[static_cast<std::size_t>(j)];
    });
}

void TiledCholesky::fill_in_reverse(std::span<const double> gram, std::span<const double> scale,
                                    std::span<const double> diagonal) {
    share_columns(node_, threads_, order_, [&](std::int64_t j) {
        const std::int64_t row = order_ - 1 - j;
        const double own = scale[static_cast<std::size_t>(row)];
        const double* const from = gram.data() + row * order_;
        for (std::int64_t i = j + 1; i < order_; ++i) {
            const std::int64_t col = order_ - 1 - i;
            *at(i, j) = from[col] * own * scale[static_cast<std::size_t>(col)];
        }
        *at(j, j) = diagonal[static_cast<std::size_t>(row)];
    });
}

/// Where it fails a NaN on the diagonal tells all ranks.
void TiledCholesky::factor_diagonal(std::int64_t tile) {
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
void TiledCholesky::solve_below(std::int64_t tile) {
    const parallel::RowRange cols = range_of(tile);
    const int n = static_cast<int>(cols.size());
    const int stride = static_cast<int>(order_);
    const double one = 1;
    std::vector<std::int64_t> own;
    for (std::int64_t below = tile + 1; below < tiles(); ++below) {
        if (is_mine(below)) {
            own.push_back(below);
        }
    }
    threads_.run(std::ssize(own), [&](std::int64_t item, int) {
        const parallel::RowRange rows = range_of(own[static_cast<std::size_t>(item)]);
        const int m = static_cast<int>(rows.size());
        dtrsm_("R", "L", "T", "N", &m, &n, &one, at(cols.begin, cols.begin), &stride,
               at(rows.begin, cols.begin), &stride, 1, 1, 1, 1);
    });
}

/// In turn, those of the ranks of the node, of the columns right of the tile from their diagonal
/// down.
std::vector<TiledCholesky::Cell> TiledCholesky::own_cells(std::int64_t tile) const {
    std::vector<Cell> own;
    std::int64_t turn = 0;
    for (std::int64_t right = tile + 1; right < tiles(); ++right) {
        const parallel::RowRange cols = range_of(right);
        support::for_each_slab(cols.begin, order_, kCellRows,
                               [&](std::int64_t begin, std::int64_t end) {
                                   if (is_mine(turn++)) {
                                       own.push_back({{begin, end}, cols});
                                   }
                               });
    }
    return own;
}

/// A_ik −= L_ij·L_kjᵀ for this rank's cells of columns k of tiles right of tile j, and all i ≥ k.
void TiledCholesky::update_right_of(std::int64_t tile) {
    const parallel::RowRange from = range_of(tile);
    const int k = static_cast<int>(from.size());
    const int stride = static_cast<int>(order_);
    const double one = 1;
    const double minus_one = -1;
    const std::vector<Cell> own = own_cells(tile);
    threads_.run(std::ssize(own), [&](std::int64_t item, int) {
        const auto& [rows, cols] = own[static_cast<std::size_t>(item)];
        const int m = static_cast<int>(rows.size());
        const int n = static_cast<int>(cols.size());
        dgemm_("N", "T", &m, &n, &k, &minus_one, at(rows.begin, from.begin), &stride,
               at(cols.begin, from.begin), &stride, &one, at(rows.begin, cols.begin), &stride, 1,
               1);
    });
}

}  // namespace alphaprune::linalg
