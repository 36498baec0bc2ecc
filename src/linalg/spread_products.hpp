#pragma once

#include "alphaprune/linalg/outer_products.hpp"
#include "blacs_grid.hpp"

namespace alphaprune::linalg {

/// Vectors of all ranks together that are added at a time.
constexpr std::int64_t kVectorsAtATime = 2048;

/// Side of the square blocks that a matrix of this order is dealt out in.
std::int64_t cholesky_block(std::int64_t order, GridShape grid);

/// Outer products summed and factored by ScaLAPACK, block-cyclic over a near-square grid of the
/// first ranks of the group. The others bring vectors and get rows of the factor all the same.
class SpreadProducts : public OuterProducts {
  public:
    SpreadProducts(const parallel::Communicator& group, std::int64_t order);

    void add(std::span<const float> vectors, std::int64_t count) override;
    std::vector<float> finish(float scale) override;
    bool factor_inverse(std::span<const float> diagonal) override;
    std::vector<float> factor_rows(std::int64_t begin, std::int64_t end) const override;

  private:
    void add_some(std::span<const float> vectors, std::int64_t count);
    bool factor_on_grid();
    /// Calls use(index, value) for the diagonal elements that lie on this rank.
    template <class Use>
    void for_diagonal(Use use);

    const parallel::Communicator* group_;
    std::int64_t order_;
    BlacsGrid grid_;
    BlockCyclicLayout layout_;
    std::vector<float> values_;    ///< column-major; the lower triangle counts
    std::vector<float> original_;  ///< the sum, while factors are tried
};

}  // namespace alphaprune::linalg
