#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::linalg {

class TiledCholesky;

/// U, upper triangular, with UᵀU = A⁻¹ for a symmetric positive definite matrix A, in the memory of
/// each node in float32. With J the reversal of rows it comes from one Cholesky factorization and
/// one triangular inverse: JAJ = LLᵀ (float64), U = (JLJ)⁻¹ (float32); the ranks of the node share
/// the work on both. Its bits do not depend on the number of ranks and threads. Every call is made
/// collectively by the node unless it says otherwise.
class InverseFactor {
  public:
    /// On several nodes within parallel::run_collectively of all ranks.
    /// @param node     outlives the object, as the threads do
    /// @param tile     columns that are factored at a time; 0: as suits the order
    /// @param threads  of this rank: they share its work
    /// @throws Error (failure) on all ranks of the node when there is not enough memory
    InverseFactor(const parallel::Communicator& node, std::int64_t order, std::int64_t tile = 0,
                  const parallel::ThreadPool& threads = parallel::ThreadPool::single());
    InverseFactor(InverseFactor&&) noexcept;
    ~InverseFactor();

    /// JAJ = LLᵀ, where A_ij = scale_i·scale_j·gram_ij with another diagonal. May be called again.
    /// @param gram      order × order, symmetric, the same memory on all ranks of the node
    /// @param scale     of rows and columns
    /// @param diagonal  of A
    /// @return false, on all ranks of the node, when A is not positive definite in float64 or not
    ///         finite
    bool factor(std::span<const double> gram, std::span<const double> scale,
                std::span<const double> diagonal);
    /// U of what was factored last. Once; from then on there is only U.
    void invert();

    std::int64_t order() const { return order_; }
    /// After invert(): rows [begin, end) of U from column `begin` on. What is below the diagonal is
    /// not to be read: it is not zero. For this rank alone.
    ConstFloatView rows(std::int64_t begin, std::int64_t end) const;

    /// Bytes of shared memory that a node needs at most; one third of them remains.
    static std::uint64_t node_memory(std::int64_t order);

  private:
    void take_over_factor();
    void solve_for_rows(std::int64_t begin, std::int64_t count, std::span<float> solved);

    const parallel::Communicator* node_;
    const parallel::ThreadPool* threads_;
    std::int64_t order_;
    std::unique_ptr<TiledCholesky> tiles_;  ///< until invert()
    /// By rows U and, below its diagonal, JLJ by columns, from which it was computed.
    std::optional<parallel::NodeArray<float>> values_;
};

}  // namespace alphaprune::linalg
