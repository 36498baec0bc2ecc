#include "alphaprune/linalg/outer_products.hpp"

#include "alphaprune/parallel/agreement.hpp"
#include "local_products.hpp"
#include "spread_products.hpp"

namespace alphaprune::linalg {
namespace {

bool stays_local(int ranks, std::int64_t order, std::int64_t largest_local_order) {
    return ranks == 1 || order <= largest_local_order;
}

}  // namespace

std::unique_ptr<OuterProducts> make_outer_products(const parallel::Communicator& group,
                                                   std::int64_t order,
                                                   std::int64_t largest_local_order) {
    if (stays_local(group.size(), order, largest_local_order)) {
        return parallel::together(group, [&]() -> std::unique_ptr<OuterProducts> {
            return std::make_unique<LocalProducts>(group, order);
        });
    }
    return std::make_unique<SpreadProducts>(group, order);
}

std::uint64_t outer_products_memory(int ranks, std::int64_t order,
                                    std::int64_t largest_local_order) {
    const auto n = static_cast<double>(order);
    const double rows = 2 * 128 * n;  // rows of the factor on their way to all ranks
    if (stays_local(ranks, order, largest_local_order)) {
        const double matrix_and_sums = 2 * n * n;  // the sums: half of it, but in float64
        return static_cast<std::uint64_t>((matrix_and_sums + rows) * sizeof(float));
    }
    const GridShape grid = near_square_grid(ranks, order);
    const double block = static_cast<double>(cholesky_block(order, grid));
    // The busiest rank's share, of the sum and of its factor.
    const double share = (n / grid.rows + block) * (n / grid.cols + block);
    const double vectors = kVectorsAtATime * n * (1.0 / grid.ranks() + 1.0 / ranks);
    return static_cast<std::uint64_t>((2 * share + vectors + rows) * sizeof(float));
}

}  // namespace alphaprune::linalg
