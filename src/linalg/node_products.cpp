#include "node_products.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>
#include <utility>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "blas.hpp"
#include "root_products.hpp"

namespace alphaprune::linalg {
namespace {

/// Vectors of all ranks of a node together that are added at a time.
constexpr std::int64_t kNodeVectors = 2048;

/// Where the rows of a rank begin, so that the parts of the upper triangle are of one size.
std::int64_t first_row(std::int64_t order, int rank, int ranks) {
    const double rest = 1.0 - static_cast<double>(rank) / ranks;
    return order - std::llround(static_cast<double>(order) * std::sqrt(rest));
}

class NodeProducts : public RootProducts {
  public:
    NodeProducts(const parallel::Communicator& group, parallel::Communicator node,
                 std::int64_t order);

    void add(std::span<const float> vectors, std::int64_t count) override;
    std::vector<float> finish(float scale) override;

  private:
    void add_some(std::span<const float> vectors, std::int64_t count);
    void sum_over_nodes();
    void share_factor() override;

    parallel::Communicator node_;
    parallel::Communicator leaders_;  ///< the first ranks of all nodes; on others, of no use
    // Made together, so that no node goes on where another has no room.
    std::optional<parallel::NodeArray<float>> matrix_;
    std::optional<parallel::NodeArray<float>> vectors_;  ///< of the node, while they are added
};

NodeProducts::NodeProducts(const parallel::Communicator& group, parallel::Communicator node,
                           std::int64_t order)
    : RootProducts(group, order),
      node_(std::move(node)),
      leaders_(group.split(node_.is_root() ? 0 : 1, group.rank())) {
    use_one_blas_thread();
    parallel::run_collectively(group, [&] {
        matrix_.emplace(node_, order * order);
        vectors_.emplace(node_, kNodeVectors * order);
    });
    values_ = matrix_->values().data();
}

void NodeProducts::add(std::span<const float> vectors, std::int64_t count) {
    assert(static_cast<std::int64_t>(vectors.size()) == count * order_);
    const std::int64_t each = std::max<std::int64_t>(1, kNodeVectors / node_.size());
    const std::int64_t rounds = node_.max((count + each - 1) / each);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t begin = std::min(round * each, count);
        const std::int64_t end = std::min(begin + each, count);
        add_some(vectors.subspan(static_cast<std::size_t>(begin * order_),
                                 static_cast<std::size_t>((end - begin) * order_)),
                 end - begin);
    }
}

void NodeProducts::add_some(std::span<const float> vectors, std::int64_t count) {
    const int k = static_cast<int>(node_.sum(count));
    std::ranges::copy(vectors, vectors_->values().begin() + node_.sum_before(count) * order_);
    vectors_->sync();
    const std::int64_t begin = first_row(order_, node_.rank(), node_.size());
    const std::int64_t end = first_row(order_, node_.rank() + 1, node_.size());
    if (begin < end) {
        // By columns, as BLAS has it: rows [begin, end) of the triangle, from column `begin` on.
        const int m = static_cast<int>(order_ - begin);
        const int n = static_cast<int>(end - begin);
        const int stride = static_cast<int>(order_);
        const float one = 1;
        const float* const from = vectors_->values().data() + begin;
        sgemm_("N", "T", &m, &n, &k, &one, from, &stride, from, &stride, &one, row(begin) + begin,
               &stride, 1, 1);
    }
    vectors_->sync();
}

void NodeProducts::sum_over_nodes() {
    for (std::int64_t i = 0; node_.is_root() && leaders_.size() > 1 && i < order_; ++i) {
        leaders_.all_reduce_sum(std::span(row(i) + i, static_cast<std::size_t>(order_ - i)));
    }
    matrix_->sync();
}

std::vector<float> NodeProducts::finish(float scale) {
    matrix_->sync();
    sum_over_nodes();
    for (std::int64_t i = 0; group_->is_root() && i < order_; ++i) {
        std::for_each(row(i) + i, row(i + 1), [scale](float& value) { value *= scale; });
    }
    return mirror_upper_triangle();
}

void NodeProducts::share_factor() {
    if (node_.is_root()) {
        leaders_.broadcast(matrix_->values());
    }
    matrix_->sync();
}

}  // namespace

std::unique_ptr<OuterProducts> make_node_products(const parallel::Communicator& group,
                                                  parallel::Communicator node, std::int64_t order) {
    return std::make_unique<NodeProducts>(group, std::move(node), order);
}

double node_products_values(int node_ranks, std::int64_t order) {
    return static_cast<double>((order + kNodeVectors) * order) / node_ranks;
}

}  // namespace alphaprune::linalg
