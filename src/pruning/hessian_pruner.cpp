#include "hessian_pruner.hpp"

#include <optional>
#include <vector>

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
          statistics_(inputs.sites.size()),
          hessians_(inputs.sites.size()) {}

    void observe(std::size_t site, const SiteInput& input) override {
        if (!statistics_[site]) {
            statistics_[site].emplace(inputs_, inputs_.sites[site], settings_);
        }
        statistics_[site]->add(input);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        statistics_[site]->finish(where);
        hessians_[site].emplace(inputs_, *statistics_[site], method_.ridge(*statistics_[site]));
    }

    std::optional<Fit> prune(std::size_t site, const MatrixRows& rows, const PruneTarget& target,
                             const std::string& where) override {
        return method_.prune(*hessians_[site], rows, target, settings_, where);
    }

    void release(std::size_t site) override {
        hessians_[site].reset();
        statistics_[site].reset();
    }

  private:
    BlockInputs inputs_;
    PrunerSettings settings_;
    HessianMethod method_;
    std::vector<std::optional<SiteStatistics>> statistics_;
    std::vector<std::optional<UnitHessian>> hessians_;
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
    cost.flops += 2.0 / 3 * factorizations * square * cols / work.node_ranks +
                  2 * iterations * work.weights * cols / work.ranks;
    const auto shared =
        static_cast<std::uint64_t>(4 * square) + linalg::NodeCholesky::node_memory(work.cols);
    const double of_rank =
        sizeof(float) * (kCopies * work.largest / work.ranks + kPaddedCopies * kPadding * cols);
    cost.working_memory +=
        shared / static_cast<std::uint64_t>(work.node_ranks) + static_cast<std::uint64_t>(of_rank);
    return cost;
}

}  // namespace alphaprune::pruning
