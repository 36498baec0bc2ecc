#include "hessian_pruner.hpp"

#include <optional>
#include <vector>

#include "block_statistics.hpp"

namespace alphaprune::pruning {
namespace {

/// Of a rank's rows of a matrix, that it works with: B₀, R, B*, and in refining them the residuals,
/// directions, products and, in a quarter, the support; of these some are padded for BLAS.
constexpr double kCopies = 6.25;
constexpr double kPaddedCopies = 2;
constexpr double kPadding = 48;  // rows, about

class HessianPruner : public BlockPruner {
  public:
    HessianPruner(const BlockInputs& inputs, const PrunerSettings& settings,
                  const HessianMethod& method)
        : inputs_(inputs),
          settings_(settings),
          method_(method),
          statistics_(inputs, settings),
          hessians_(inputs.sites.size()),
          far_hessians_(inputs.sites.size()) {}

    void observe(std::size_t site, const SiteInput& input) override {
        statistics_.observe(site, input);
    }

    void observe_routed(std::size_t mixture, const RoutedInput& input) override {
        statistics_.observe_routed(mixture, input);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        SiteStatistics& statistics = statistics_.finish(site, where);
        const double ridge = method_.ridge(statistics);
        if (statistics.is_far()) {
            far_hessians_[site].emplace(inputs_, statistics, ridge);
        } else {
            hessians_[site].emplace(inputs_, statistics, ridge);
        }
    }

    std::vector<std::optional<Fit>> prune(std::size_t site,
                                          std::span<const SiteMatrix> matrices) override {
        std::vector<std::optional<Fit>> fits;
        for (const SiteMatrix& one : matrices) {
            fits.emplace_back(
                far_hessians_[site]
                    ? method_.prune_far(*far_hessians_[site], one, settings_)
                    : method_.prune(*hessians_[site], one.rows, one.target, settings_, one.where));
        }
        return fits;
    }

    void release(std::size_t site) override {
        hessians_[site].reset();
        far_hessians_[site].reset();
        statistics_.release(site);
    }

  private:
    BlockInputs inputs_;
    PrunerSettings settings_;
    HessianMethod method_;
    BlockStatistics statistics_;
    std::vector<std::optional<UnitHessian>> hessians_;
    std::vector<std::optional<FarUnitHessian>> far_hessians_;
};

}  // namespace

std::unique_ptr<BlockPruner> make_hessian_pruner(const BlockInputs& inputs,
                                                 const PrunerSettings& settings,
                                                 const HessianMethod& method) {
    return std::make_unique<HessianPruner>(inputs, settings, method);
}

SiteCost hessian_pruner_cost(const SiteWork& work, double iterations, double factorizations) {
    const auto cols = static_cast<double>(work.cols);
    const double square = cols * cols;
    SiteCost cost = statistics_cost(work);
    cost.flops += (2.0 / 3 * factorizations * square * cols / work.node_ranks +
                   2 * iterations * work.own_rows * square) /
                  work.threads;
    // Every product reads a factor of the order of the inputs, however few the rows.
    cost.bytes_moved += iterations * work.matrices * sizeof(float) * square / work.threads;
    const auto shared =
        static_cast<std::uint64_t>(4 * square) + linalg::NodeCholesky::node_memory(work.cols);
    const double of_rank =
        sizeof(float) * (kCopies * work.largest / work.ranks + kPaddedCopies * kPadding * cols);
    cost.working_memory +=
        shared / static_cast<std::uint64_t>(work.node_ranks) + static_cast<std::uint64_t>(of_rank);
    return cost;
}

}  // namespace alphaprune::pruning
