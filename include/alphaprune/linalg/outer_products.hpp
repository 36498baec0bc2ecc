#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::linalg {

/// G = Σ x xᵀ in float32 over vectors x that the ranks of a group bring, and then U, the upper
/// Cholesky factor of the inverse of scale·G with another diagonal: UᵀU = (scale·G + …)⁻¹.
/// In order: add any number of times, finish once, factor_inverse until it succeeds, factor_rows.
/// Every call is collective.
class OuterProducts {
  public:
    virtual ~OuterProducts() = default;

    /// Adds this rank's vectors: count × order, row-major; a rank may have none.
    virtual void add(std::span<const float> vectors, std::int64_t count) = 0;

    /// Ends adding and multiplies by `scale`. Every rank gets the diagonal.
    virtual std::vector<float> finish(float scale) = 0;

    /// Puts U in the place of the matrix with `diagonal` in place of its own; both products and
    /// factors by LAPACK's or ScaLAPACK's potrf, potri, potrf. False, on all ranks, when the matrix
    /// is not positive definite in float32; then it may be tried with another diagonal.
    virtual bool factor_inverse(std::span<const float> diagonal) = 0;

    /// Rows [begin, end) of U from column `begin` on, on every rank:
    /// (end − begin) × (order − begin), row-major, zero below the diagonal.
    virtual std::vector<float> factor_rows(std::int64_t begin, std::int64_t end) const = 0;
};

/// Up to `largest_replicated_order`, and on a single rank, the matrix is replicated: each rank has
/// sums of its own, which rank 0 adds up and factors and all ranks keep. Beyond, it is distributed
/// block-cyclically over the ranks from the start and no rank ever holds it; in a program without
/// ScaLAPACK each node holds it once. Collective.
/// @param group  outlives the object
/// @throws Error (failure) on all ranks when there is not enough memory
std::unique_ptr<OuterProducts> make_outer_products(const parallel::Communicator& group,
                                                   std::int64_t order,
                                                   std::int64_t largest_replicated_order);

/// Bytes that a rank needs for one such object, with so many of the ranks on its node.
std::uint64_t outer_products_memory(int ranks, int node_ranks, std::int64_t order,
                                    std::int64_t largest_replicated_order);

}  // namespace alphaprune::linalg
