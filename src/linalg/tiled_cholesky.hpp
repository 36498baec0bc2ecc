#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::linalg {

/// Which row and column of a matrix is the first of its factor.
enum class Elimination { from_first, from_last };

/// A = LLᵀ in float64, in the memory that the ranks of a node share, tile by tile by all of them
/// and the threads of each. The bits of L do not depend on how many there are. Every call is made
/// collectively by the node.
class TiledCholesky {
  public:
    /// @param node     outlives the object, as the threads do
    /// @param tile     columns that are factored at a time
    /// @param threads  of this rank
    /// @throws Error (failure) on all ranks of the node when there is not enough memory
    TiledCholesky(const parallel::Communicator& node, std::int64_t order, std::int64_t tile,
                  const parallel::ThreadPool& threads = parallel::ThreadPool::single());

    /// Few columns at a time leave more to share, many make products faster.
    static std::int64_t usual_tile(std::int64_t order) { return order < 2048 ? 64 : 256; }

    /// A_ij = scale_i·scale_j·gram_ij with another diagonal; with Elimination::from_last L is that
    /// of A with its rows and columns in reverse.
    /// @param gram  order × order, symmetric, the same memory on all ranks of the node
    /// @return false, on all ranks of the node, when A is not positive definite or not finite
    bool factor(std::span<const double> gram, std::span<const double> scale,
                std::span<const double> diagonal, Elimination elimination);

    /// Column `col` of L from the diagonal down.
    std::span<const double> column(std::int64_t col) const {
        return matrix_->values().subspan(static_cast<std::size_t>(col * (order_ + 1)),
                                         static_cast<std::size_t>(order_ - col));
    }

    /// Bytes of shared memory that a node needs.
    static std::uint64_t node_memory(std::int64_t order) {
        return static_cast<std::uint64_t>(order * order) * sizeof(double);
    }

  private:
    bool is_mine(std::int64_t tile) const { return tile % node_.size() == node_.rank(); }
    /// Of the sums that a tile's columns change, what is computed at a time.
    struct Cell {
        parallel::RowRange rows;
        parallel::RowRange cols;
    };
    std::vector<Cell> own_cells(std::int64_t tile) const;
    std::int64_t tiles() const { return (order_ + tile_ - 1) / tile_; }
    parallel::RowRange range_of(std::int64_t tile) const;
    double* at(std::int64_t row, std::int64_t col);
    void fill(std::span<const double> gram, std::span<const double> scale,
              std::span<const double> diagonal);
    void fill_in_reverse(std::span<const double> gram, std::span<const double> scale,
                         std::span<const double> diagonal);
    void factor_diagonal(std::int64_t tile);
    void solve_below(std::int64_t tile);
    void update_right_of(std::int64_t tile);

    const parallel::Communicator& node_;
    const parallel::ThreadPool& threads_;
    std::int64_t order_;
    std::int64_t tile_;
    /// By columns, as LAPACK has it, the lower triangle.
    std::optional<parallel::NodeArray<double>> matrix_;
};

}  // namespace alphaprune::linalg
