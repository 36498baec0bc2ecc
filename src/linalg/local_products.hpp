#pragma once

#include "alphaprune/linalg/outer_products.hpp"

namespace alphaprune::linalg {

/// Outer products summed on each rank; rank 0 gets the total and factors it, and every rank then
/// has the whole factor. Each call's product is float32, the sum over calls float64, so that the
/// total hardly depends on how the calls are spread over the ranks. A square matrix a rank, and
/// until finish() a triangle in float64; while the matrix is being factored, one triangle of it
/// keeps what it was.
class LocalProducts : public OuterProducts {
  public:
    LocalProducts(const parallel::Communicator& group, std::int64_t order);

    void add(std::span<const float> vectors, std::int64_t count) override;
    std::vector<float> finish(float scale) override;
    bool factor_inverse(std::span<const float> diagonal) override;
    std::vector<float> factor_rows(std::int64_t begin, std::int64_t end) const override;

  private:
    float* row(std::int64_t index) { return values_.data() + index * order_; }
    const float* row(std::int64_t index) const { return values_.data() + index * order_; }
    void total_on_root();
    void restore(std::span<const float> diagonal);
    bool factor_on_root(std::span<const float> diagonal);
    void share_factor();

    const parallel::Communicator* group_;
    std::int64_t order_;
    std::vector<double> sums_;  ///< upper triangle, row by row
    /// Row-major, the last product or the factor in the upper triangle: to LAPACK, column-major and
    /// in the lower one.
    std::vector<float> values_;
};

}  // namespace alphaprune::linalg
