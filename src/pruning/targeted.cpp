#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "block_statistics.hpp"
#include "card_costs.hpp"
#include "far_fit.hpp"
#include "unmasked_fit.hpp"

namespace alphaprune::pruning {
namespace {

/// A pruner that needs no statistics, one matrix after another.
class MatrixByMatrix : public BlockPruner {
  public:
    MatrixByMatrix(const Pruner& pruner, const BlockInputs& inputs, const PrunerSettings& settings)
        : pruner_(pruner), inputs_(inputs), settings_(settings) {}

    void observe(std::size_t, const SiteInput&) override {}
    void finish_statistics(std::size_t, const std::string&) override {}
    std::vector<std::optional<Fit>> prune(std::size_t site,
                                          std::span<const SiteMatrix> matrices) override {
        for (const SiteMatrix& matrix : matrices) {
            remove_gone(matrix.rows);
            const StoredRows stored{std::as_writable_bytes(matrix.rows.weights),
                                    support::ScalarType::float32, inputs_.sites[site].cols, false};
            pruner_.prune_rows(inputs_.ranks, inputs_.nodes.threads(), stored, matrix.target,
                               settings_);
        }
        return std::vector<std::optional<Fit>>(matrices.size());
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
          statistics_(inputs, settings),
          fits_(inputs.sites.size()),
          far_fits_(inputs.sites.size()) {}

    void observe(std::size_t site, const SiteInput& input) override {
        statistics_.observe(site, input);
        pruner_->observe(site, input);
    }

    void observe_routed(std::size_t mixture, const RoutedInput& input) override {
        statistics_.observe_routed(mixture, input);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        SiteStatistics& statistics = statistics_.finish(site, where);
        pruner_->finish_statistics(site, where);
        statistics.is_far() ? (void)far_fits_[site].emplace(inputs_, statistics, settings_, where)
                            : (void)fits_[site].emplace(inputs_, statistics, settings_, where);
    }

    std::vector<std::optional<Fit>> prune(std::size_t site,
                                          std::span<const SiteMatrix> matrices) override {
        for (const SiteMatrix& matrix : matrices) {
            far_fits_[site] ? far_fits_[site]->move(matrix.rows) : fits_[site]->move(matrix.rows);
        }
        return pruner_->prune(site, matrices);
    }

    void release(std::size_t site) override {
        fits_[site].reset();
        far_fits_[site].reset();
        statistics_.release(site);
        pruner_->release(site);
    }

    std::vector<std::string> notes() const override { return pruner_->notes(); }

  private:
    std::unique_ptr<BlockPruner> pruner_;
    BlockInputs inputs_;
    PrunerSettings settings_;
    BlockStatistics statistics_;
    std::vector<std::optional<UnmaskedFit>> fits_;
    std::vector<std::optional<FarFit>> far_fits_;  ///< where inputs are far from the processor
};

}  // namespace

void remove_gone(const MatrixRows& rows) {
    for (std::size_t i = 0; i < rows.gone.size(); ++i) {
        rows.weights[i] = rows.gone[i] != 0 ? 0.0F : rows.weights[i];
    }
}

SiteCost cost_of(const Pruner& pruner, const SiteWork& work) {
    SiteCost cost = pruner.cost(work);
    if (work.has_mask) {  // a byte for each of a rank's weights
        cost.working_memory += static_cast<std::uint64_t>(work.weights / work.ranks);
    }
    if (pruner.needs == PrunerNeeds::targets || !work.outputs.any()) {
        return cost;
    }
    const SiteCost statistics = statistics_cost(work);
    const SiteCost fit = unmasked_fit_cost(work);
    cost.flops += statistics.flops + fit.flops;
    cost.bytes_summed_by_nodes += statistics.bytes_summed_by_nodes;
    cost.gathering_memory += statistics.gathering_memory;
    cost.common_memory = statistics.common_memory;
    cost.memory += statistics.memory + fit.memory;
    return cost;
}

SiteCost card_cost_of(const Pruner& pruner, const SiteWork& work) {
    SiteCost cost;
    if (pruner.card_cost != nullptr) {
        cost = pruner.card_cost(work);
    } else {
        cost.seconds = pruner.cost(work).seconds;
    }
    if (work.has_mask) {
        cost.working_memory += static_cast<std::uint64_t>(work.weights / work.ranks);
    }
    if (pruner.needs == PrunerNeeds::targets || !work.outputs.any()) {
        return cost;
    }
    const SiteCost statistics = card_statistics_cost(work);
    const SiteCost fit = card_fit_cost(work);
    cost.sum_flops += statistics.sum_flops;
    cost.double_flops += fit.double_flops;
    cost.flops += fit.flops;
    cost.bytes_moved += statistics.bytes_moved;
    cost.bytes_summed_by_nodes += statistics.bytes_summed_by_nodes;
    cost.memory += statistics.memory;
    cost.gathering_memory += statistics.gathering_memory;
    cost.working_memory += fit.working_memory;
    cost.common_memory = statistics.common_memory;
    return cost;
}

bool needs_hessians(const Pruner& pruner, const PrunerSettings& settings) {
    return pruner.needs == PrunerNeeds::targets || settings.outputs.any();
}

SiteCost routed_cost(const Pruner& pruner, const PrunerSettings& settings, const SiteWork& work,
                     bool on_card) {
    if (!needs_hessians(pruner, settings)) {
        return {};
    }
    return on_card ? card_statistics_cost(work) : statistics_cost(work);
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
