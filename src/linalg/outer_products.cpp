#include "alphaprune/linalg/outer_products.hpp"

#include <algorithm>
#include <cassert>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "blas.hpp"
#include "distributed_products.hpp"
#include "matrix.hpp"
#include "node_products.hpp"
#include "root_products.hpp"

namespace alphaprune::linalg {
namespace {

/// Rows that travel together between ranks.
constexpr std::int64_t kRowsAtATime = 128;

/// Outer products summed on each rank; rank 0 gets the total and factors it, and every rank then
/// has the whole factor. Each call's product is float32, the sum over calls float64, so that the
/// total hardly depends on how the calls are distributed over the ranks. A square matrix per rank,
/// and until finish() a triangle in float64; while the matrix is being factored, one triangle of it
/// keeps what it was.
class ReplicatedProducts : public RootProducts {
  public:
    ReplicatedProducts(const parallel::Communicator& group, std::int64_t order);

    void add(std::span<const float> vectors, std::int64_t count) override;
    std::vector<float> finish(float scale) override;

  private:
    void share_factor() override;

    std::vector<double> sums_;   ///< upper triangle, row by row
    std::vector<float> matrix_;  ///< the last product or the factor in the upper triangle
};

ReplicatedProducts::ReplicatedProducts(const parallel::Communicator& group, std::int64_t order)
    : RootProducts(group, order),
      sums_(memory_for<double>(order, order + 1, 2)),
      matrix_(memory_for<float>(order, order)) {
    values_ = matrix_.data();
    use_one_blas_thread();
}

void ReplicatedProducts::add(std::span<const float> vectors, std::int64_t count) {
    assert(static_cast<std::int64_t>(vectors.size()) == count * order_);
    if (count == 0) {
        return;
    }
    const int n = static_cast<int>(order_);
    const int k = static_cast<int>(count);
    const float one = 1;
    const float zero = 0;
    ssyrk_("L", "N", &n, &k, &one, vectors.data(), &n, &zero, values_, &n, 1, 1);
    double* sum = sums_.data();
    for (std::int64_t i = 0; i < order_; ++i) {
        const float* product = row(i);
        for (std::int64_t j = i; j < order_; ++j) {
            *sum++ += product[j];
        }
    }
}

std::vector<float> ReplicatedProducts::finish(float scale) {
    group_->reduce_sum_to_root(std::span(sums_));
    const double* sum = sums_.data();
    for (std::int64_t i = 0; group_->is_root() && i < order_; ++i) {
        for (std::int64_t j = i; j < order_; ++j) {
            row(i)[j] = static_cast<float>(*sum++ * scale);
        }
    }
    sums_ = {};
    return mirror_upper_triangle();
}

void ReplicatedProducts::share_factor() {
    for (std::int64_t begin = 0; group_->size() > 1 && begin < order_; begin += kRowsAtATime) {
        const std::int64_t end = std::min(begin + kRowsAtATime, order_);
        std::vector<float> panel = factor_rows(begin, end);
        group_->broadcast(std::span(panel));
        for (std::int64_t i = begin; i < end; ++i) {  // the lower triangle is left alone
            std::copy_n(panel.begin() + (i - begin) * (order_ - begin) + (i - begin), order_ - i,
                        row(i) + i);
        }
    }
}

bool is_replicated(int ranks, std::int64_t order, std::int64_t largest_replicated_order) {
    return ranks == 1 || order <= largest_replicated_order;
}

}  // namespace

std::unique_ptr<OuterProducts> make_outer_products(const parallel::Communicator& group,
                                                   std::int64_t order,
                                                   std::int64_t largest_replicated_order) {
    if (!is_replicated(group.size(), order, largest_replicated_order)) {
        if constexpr (ALPHAPRUNE_HAS_SCALAPACK) {
            return make_distributed_products(group, order);
        } else {
            return make_node_products(group, group.split_by_node(), order);
        }
    }
    return parallel::run_collectively(group, [&]() -> std::unique_ptr<OuterProducts> {
        return std::make_unique<ReplicatedProducts>(group, order);
    });
}

std::uint64_t outer_products_memory(int ranks, int node_ranks, std::int64_t order,
                                    std::int64_t largest_replicated_order) {
    const auto n = static_cast<double>(order);
    const double rows = 2.0 * kRowsAtATime * n;  // rows of the factor on their way to all ranks
    double matrix = 0;
    if (is_replicated(ranks, order, largest_replicated_order)) {
        matrix = 2 * n * n;  // with the sums: half of it, but in float64
    } else if constexpr (ALPHAPRUNE_HAS_SCALAPACK) {
        matrix = distributed_products_values(ranks, order);
    } else {
        matrix = node_products_values(node_ranks, order);
    }
    return static_cast<std::uint64_t>((matrix + rows) * sizeof(float));
}

}  // namespace alphaprune::linalg
