#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::linalg {

class TiledCholesky;

/// The Cholesky factor of a symmetric positive definite matrix, which each node holds once and its
/// ranks compute together: in float64, kept in float32 to solve with. Its bits do not depend on the
/// number of ranks and threads.
class NodeCholesky {
  public:
    /// Run collectively by the node; on several nodes within parallel::run_collectively of all
    /// ranks.
    /// @param node     outlives the object, as the threads do
    /// @param threads  of this rank: they share its work
    /// @throws Error (failure) on all ranks of the node when there is not enough memory
    NodeCholesky(const parallel::Communicator& node, std::int64_t order,
                 const parallel::ThreadPool& threads = parallel::ThreadPool::single());
    ~NodeCholesky();

    /// Run collectively by the node. A_ij = scale_i·scale_j·gram_ij with another diagonal takes the
    /// place of the matrix before.
    /// @param gram      order × order, symmetric, the same memory on all ranks of the node
    /// @param scale     of rows and columns
    /// @param diagonal  of A
    /// @return false, on all ranks of the node, when A is not positive definite in float64 or not
    ///         finite
    bool factor(std::span<const double> gram, std::span<const double> scale,
                std::span<const double> diagonal);

    /// rows := rows·A⁻¹. For this rank alone.
    /// @param rows       any number of them × order, row-major
    /// @param first_row  of the matrix that they are of: the bits do not depend on its division
    void solve(std::span<float> rows, std::int64_t first_row) const;
    void solve(AlignedRows& rows) const;

    /// Bytes of shared memory that a node needs.
    static std::uint64_t node_memory(std::int64_t order);

  private:
    void keep_in_float();

    const parallel::Communicator& node_;
    const parallel::ThreadPool& threads_;
    std::int64_t order_;
    std::unique_ptr<TiledCholesky> tiles_;
    /// By columns, as LAPACK has it, the lower triangle.
    std::optional<parallel::NodeArray<float>> factor_;
};

}  // namespace alphaprune::linalg
