#include "alphaprune/linalg/inverse_factor.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "blas.hpp"
#include "shared_columns.hpp"
#include "tiled_cholesky.hpp"

namespace alphaprune::linalg {
namespace {

/// Rows of U that are computed at a time. Part of the result; few leave more to share.
constexpr std::int64_t kRowsAtOnce = 64;

}  // namespace

InverseFactor::InverseFactor(const parallel::Communicator& node, std::int64_t order,
                             std::int64_t tile, const parallel::ThreadPool& threads)
    : node_(&node), threads_(&threads), order_(order) {
    parallel::run_collectively(node, [&] {
        tiles_ = std::make_unique<TiledCholesky>(
            node, order_, tile > 0 ? tile : TiledCholesky::usual_tile(order_), threads);
        values_.emplace(node, order_ * order_);
    });
}

InverseFactor::InverseFactor(InverseFactor&&) noexcept = default;
InverseFactor::~InverseFactor() = default;

std::uint64_t InverseFactor::node_memory(std::int64_t order) {
    return TiledCholesky::node_memory(order) +
           static_cast<std::uint64_t>(order * order) * sizeof(float);
}

bool InverseFactor::factor(std::span<const double> gram, std::span<const double> scale,
                           std::span<const double> diagonal) {
    assert(tiles_);
    return tiles_->factor(gram, scale, diagonal, Elimination::from_last);
}

/// M = JLJ, upper triangular, by columns: where U will be by rows, these are below its diagonal.
void InverseFactor::take_over_factor() {
    share_columns(*node_, *threads_, order_, [&](std::int64_t j) {
        const std::span<const double> from = tiles_->column(order_ - 1 - j);
        float* const to = values_->values().data() + j * order_;
        std::transform(from.rbegin(), from.rend(), to,
                       [](double value) { return static_cast<float>(value); });
    });
}

/// UM = I for some rows of U, which are a column each to BLAS: MᵀUᵀ = I. M keeps its diagonal.
void InverseFactor::solve_for_rows(std::int64_t begin, std::int64_t count,
                                   std::span<float> solved) {
    const std::int64_t width = order_ - begin;
    std::ranges::fill(solved, 0.0F);
    for (std::int64_t i = 0; i < count; ++i) {
        solved[static_cast<std::size_t>(i * (width + 1))] = 1.0F;
    }
    float* const corner = values_->values().data() + begin * (order_ + 1);
    const int rows = static_cast<int>(width);
    const int cols = static_cast<int>(count);
    const int stride = static_cast<int>(order_);
    const float one = 1;
    strsm_("L", "U", "T", "N", &rows, &cols, &one, corner, &stride, solved.data(), &rows, 1, 1, 1,
           1);
    for (std::int64_t i = 0; i < count; ++i) {
        const float* const row = solved.data() + i * width;
        std::copy(row + i + 1, row + width, corner + i * (order_ + 1) + 1);
    }
}

void InverseFactor::invert() {
    take_over_factor();
    values_->sync();
    tiles_.reset();
    const auto most = static_cast<std::size_t>(kRowsAtOnce * order_);
    std::vector<float> solved(most * static_cast<std::size_t>(threads_->size()));
    const std::int64_t items = (order_ + kRowsAtOnce - 1) / kRowsAtOnce;
    const std::int64_t own = (items - node_->rank() + node_->size() - 1) / node_->size();
    threads_->run(own, [&](std::int64_t item, int thread) {
        const std::int64_t begin = kRowsAtOnce * (node_->rank() + item * node_->size());
        const std::int64_t count = std::min(kRowsAtOnce, order_ - begin);
        solve_for_rows(begin, count,
                       std::span(solved).subspan(static_cast<std::size_t>(thread) * most,
                                                 static_cast<std::size_t>(count) *
                                                     static_cast<std::size_t>(order_ - begin)));
    });
    values_->sync();
    for (std::int64_t i = node_->rank(); i < order_; i += node_->size()) {
        float& diagonal = values_->values()[static_cast<std::size_t>(i * (order_ + 1))];
        diagonal = 1 / diagonal;
    }
    values_->sync();
}

ConstFloatView InverseFactor::rows(std::int64_t begin, std::int64_t end) const {
    assert(0 <= begin && begin <= end && end <= order_);
    return {values_->values().data() + begin * (order_ + 1), end - begin, order_ - begin, order_};
}

}  // namespace alphaprune::linalg
