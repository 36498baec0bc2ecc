#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "alphaprune/linalg/node_cholesky.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/message.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<double> kNoMinimizer{
    "pruning.no-minimizer", "the Hessian of the inputs is not positive definite with damping {}",
    "the calibration text is too short or repeats itself",
    "give more, or more varied, calibration sequences, or a larger --damping"};

/// A pruner that needs no statistics, one matrix after another.
class MatrixByMatrix : public BlockPruner {
  public:
    MatrixByMatrix(const Pruner& pruner, const BlockInputs& inputs, const PrunerSettings& settings)
        : pruner_(pruner), inputs_(inputs), settings_(settings) {}

    void observe(std::size_t, const SiteInput&) override {}
    void finish_statistics(std::size_t, const std::string&) override {}
    std::optional<Fit> prune(std::size_t site, const MatrixRows& rows, const PruneTarget& target,
                             const std::string&) override {
        const StoredRows stored{std::as_writable_bytes(rows.weights), support::ScalarType::float32,
                                inputs_.sites[site].cols, false};
        pruner_.prune_rows(inputs_.ranks, stored, target, settings_);
        return std::nullopt;
    }
    void release(std::size_t) override {}

  private:
    const Pruner& pruner_;
    BlockInputs inputs_;
    PrunerSettings settings_;
};

/// Gives another pruner the weights that fit the targets best as long as none is removed.
class TargetedPruner : public BlockPruner {
  public:
    TargetedPruner(std::unique_ptr<BlockPruner> pruner, const BlockInputs& inputs,
                   const PrunerSettings& settings)
        : pruner_(std::move(pruner)),
          inputs_(inputs),
          settings_(settings),
          statistics_(inputs.sites.size()),
          factors_(inputs.sites.size()) {}

    void observe(std::size_t site, const SiteInput& input) override {
        if (!statistics_[site]) {
            statistics_[site].emplace(inputs_, inputs_.sites[site], settings_);
        }
        statistics_[site]->add(input);
        pruner_->observe(site, input);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        SiteStatistics& statistics = *statistics_[site];
        statistics.finish(where);
        pruner_->finish_statistics(site, where);
        std::vector<double> diagonal(statistics.diagonal().begin(), statistics.diagonal().end());
        for (double& value : diagonal) {
            value += statistics.ridge();
        }
        const std::vector<double> ones(diagonal.size(), 1.0);
        parallel::run_collectively(inputs_.ranks, [&] {
            factors_[site].emplace(inputs_.nodes.node(), statistics.cols());
        });
        const bool positive = factors_[site]->factor(statistics.gram(), ones, diagonal);
        if (inputs_.ranks.any(!positive)) {
            throw kNoMinimizer(where, settings_.damping).mark_agreed();
        }
    }

    std::optional<Fit> prune(std::size_t site, const MatrixRows& rows, const PruneTarget& target,
                             const std::string& where) override {
        std::vector<float> step = statistics_[site]->gradient(rows);
        if (!step.empty()) {
            factors_[site]->solve(step, rows.first_row);
            std::ranges::transform(rows.weights, step, rows.weights.begin(), std::plus<>());
        }
        return pruner_->prune(site, rows, target, where);
    }

    void release(std::size_t site) override {
        statistics_[site].reset();
        factors_[site].reset();
        pruner_->release(site);
    }

    std::vector<std::string> notes() const override { return pruner_->notes(); }

  private:
    std::unique_ptr<BlockPruner> pruner_;
    BlockInputs inputs_;
    PrunerSettings settings_;
    std::vector<std::optional<SiteStatistics>> statistics_;
    std::vector<std::optional<linalg::NodeCholesky>> factors_;
};

}  // namespace

SiteCost cost_of(const Pruner& pruner, const SiteWork& work) {
    SiteCost cost = pruner.cost(work);
    if (pruner.needs == PrunerNeeds::targets || !work.outputs.any()) {
        return cost;
    }
    const SiteCost statistics = statistics_cost(work);
    const auto cols = static_cast<double>(work.cols);
    cost.flops += statistics.flops + 2.0 / 3 * cols * cols * cols / work.node_ranks +
                  4 * work.weights * cols / work.ranks;
    cost.gathering_memory += statistics.gathering_memory;
    cost.memory += statistics.memory + linalg::NodeCholesky::node_memory(work.cols) /
                                           static_cast<std::uint64_t>(work.node_ranks);
    return cost;
}

bool needs_activations(const Pruner& pruner, const PrunerSettings& settings) {
    return pruner.needs_activations() || settings.outputs.any();
}

std::unique_ptr<BlockPruner> begin_block(const Pruner& pruner, const BlockInputs& inputs,
                                         const PrunerSettings& settings) {
    auto plain = pruner.begin_block != nullptr
                     ? pruner.begin_block(inputs, settings)
                     : std::make_unique<MatrixByMatrix>(pruner, inputs, settings);
    if (pruner.needs == PrunerNeeds::targets || !settings.outputs.any()) {
        return plain;
    }
    return std::make_unique<TargetedPruner>(std::move(plain), inputs, settings);
}

}  // namespace alphaprune::pruning
