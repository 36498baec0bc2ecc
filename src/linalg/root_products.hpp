#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/outer_products.hpp"

namespace alphaprune::linalg {

/// Outer products whose sum is one row-major float32 matrix in memory, which rank 0 factors by
/// LAPACK: U takes the place of the upper triangle, and the lower one keeps what the matrix was. To
/// LAPACK, which counts by columns, U is in the lower triangle.
class RootProducts : public OuterProducts {
  public:
    bool factor_inverse(std::span<const float> diagonal) override;
    std::vector<float> factor_rows(std::int64_t begin, std::int64_t end) const override;

  protected:
    RootProducts(const parallel::Communicator& group, std::int64_t order)
        : group_(&group), order_(order) {}

    float* row(std::int64_t index) const { return values_ + index * order_; }
    /// On rank 0, completes the matrix from its upper triangle. Every rank gets the diagonal.
    std::vector<float> mirror_upper_triangle();
    /// Brings the factor from rank 0 to where the other ranks read it. Collective.
    virtual void share_factor() = 0;

    const parallel::Communicator* group_;
    std::int64_t order_;
    float* values_ = nullptr;  ///< order × order, of the derived class

  private:
    /// False when the matrix with that diagonal is not positive definite in float32.
    bool factored(std::span<const float> diagonal);
};

}  // namespace alphaprune::linalg
