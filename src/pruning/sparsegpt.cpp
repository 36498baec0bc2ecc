#include "sparsegpt.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "alphaprune/support/message.hpp"
#include "block_statistics.hpp"
#include "card_costs.hpp"
#include "far_sweep.hpp"
#include "unmasked_fit.hpp"

namespace alphaprune::pruning {
namespace {

const support::Warning<std::string, double, double> kDampingRaised{
    "pruning.damping-raised",
    "{}: the Hessian was not positive definite; damping was raised from {} to {}",
    "the calibration sequences are few or repeat themselves",
    "give more, or more varied, calibration sequences"};

constexpr double kPublishedDamping = 0.01;

class SparseGptPruner : public BlockPruner {
  public:
    SparseGptPruner(const BlockInputs& inputs, const PrunerSettings& settings)
        : inputs_(inputs),
          settings_(settings),
          statistics_(inputs, settings),
          sites_(inputs.sites.size()) {}

    void observe(std::size_t site, const SiteInput& input) override {
        statistics_.observe(site, input);
    }

    void observe_routed(std::size_t mixture, const RoutedInput& input) override {
        statistics_.observe_routed(mixture, input);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        SiteStatistics& statistics = statistics_.finish(site, where);
        const double scale = 2.0 / static_cast<double>(inputs_.sequences);
        statistics.is_far() ? begin_far(site, statistics, scale, where)
                            : begin_near(site, statistics, scale, where);
        if (!statistics.has_targets()) {
            forget_statistics(site);
        }
    }

    std::vector<std::optional<Fit>> prune(std::size_t site,
                                          std::span<const SiteMatrix> matrices) override {
        auto& [fit, inverse, far_fit, far_inverse] = sites_[site];
        if (far_inverse) {
            sweep_far_site(inputs_.ranks, inputs_.far->lane(), *far_inverse, matrices,
                           far_fit ? &*far_fit : nullptr);
            forget_statistics(site);
        } else {
            for (const SiteMatrix& matrix : matrices) {
                fit ? fit->move(matrix.rows) : void();
            }
            forget_statistics(site);
            sweep_site(inputs_.ranks, inputs_.nodes.threads(), *inverse, matrices);
        }
        return std::vector<std::optional<Fit>>(matrices.size());
    }

    void release(std::size_t site) override {
        forget_statistics(site);
        sites_[site].inverse.reset();
        sites_[site].far_inverse.reset();
    }

    std::vector<std::string> notes() const override { return notes_; }

  private:
    struct Site {
        std::optional<UnmaskedFit> fit;
        std::optional<DampedInverse> inverse;
        // The same where inputs are far from the processor:
        std::optional<FarFit> far_fit;
        std::optional<FarInverse> far_inverse;
    };

    void begin_near(std::size_t site, const SiteStatistics& statistics, double scale,
                    const std::string& where) {
        auto& inverse = sites_[site].inverse;
        inverse.emplace(inputs_.ranks, inputs_.nodes,
                        ScaledGram{statistics.gram(), statistics.cols(), scale}, damping(), where);
        note_damping(inverse->damping(), where);
        sites_[site].fit.emplace(inputs_, statistics, settings_, where);
    }

    void begin_far(std::size_t site, SiteStatistics& statistics, double scale,
                   const std::string& where) {
        auto& inverse = sites_[site].far_inverse;
        inverse.emplace(inputs_.ranks, statistics, scale, damping(), where);
        note_damping(inverse->damping(), where);
        if (statistics.has_targets()) {
            sites_[site].far_fit.emplace(inputs_, statistics, settings_, where);
        }
    }

    void note_damping(double reached, const std::string& where) {
        if (reached > damping()) {
            notes_.push_back(kDampingRaised(where, damping(), reached));
        }
    }

    /// With targets the weights are those of a fit that has been damped as asked.
    double damping() const {
        return settings_.outputs.any() ? kPublishedDamping : settings_.damping;
    }

    void forget_statistics(std::size_t site) {
        sites_[site].fit.reset();
        sites_[site].far_fit.reset();
        statistics_.release(site);
    }

    BlockInputs inputs_;
    PrunerSettings settings_;
    BlockStatistics statistics_;
    std::vector<Site> sites_;
    std::vector<std::string> notes_;
};

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs,
                                         const PrunerSettings& settings) {
    return std::make_unique<SparseGptPruner>(inputs, settings);
}

/// Statistics, the factor of the inverse (half of its flops in float64), and the sweep over the
/// rows, which is copied and takes times over that of its flops at the speed of SGEMM.
SiteCost cost_of(const SiteWork& work) {
    constexpr double kSweep = 2.0;
    const auto cols = static_cast<double>(work.cols);
    SiteCost cost = statistics_cost(work);
    const SiteCost fit = unmasked_fit_cost(work);
    cost.flops +=
        fit.flops + (cols * cols * cols / work.node_ranks + kSweep * work.own_rows * cols * cols) /
                        work.threads;
    cost.bytes_moved += sizeof(float) * cols * cols / 2 / work.threads;  // the factor, once
    const std::uint64_t inverse =
        linalg::InverseFactor::node_memory(work.cols) / static_cast<std::uint64_t>(work.node_ranks);
    // Of the inverse a third stays; the sums are gone when the rows are swept.
    const std::uint64_t swept =
        inverse / 3 + static_cast<std::uint64_t>(sizeof(float) * work.weights / work.ranks);
    cost.working_memory += std::max(
        {inverse, inverse / 3 + fit.memory, swept > cost.memory ? swept - cost.memory : 0});
    return cost;
}

/// The factor of the inverse in float64, the products behind each panel, and the panels.
SiteCost card_cost_of(const SiteWork& work) {
    constexpr double kPanelSeconds = 0.95e-9;  // a weight
    const double own = work.weights / work.ranks;
    const auto cols = static_cast<double>(work.cols);
    SiteCost cost = card_statistics_cost(work);
    const SiteCost fit = card_fit_cost(work);
    cost.double_flops = 2.0 / 3 * cols * cols * cols + fit.double_flops;
    cost.flops = own * cols + fit.flops;
    cost.seconds = kPanelSeconds * own;
    cost.working_memory = card_factor_memory(work.cols) + fit.working_memory +
                          static_cast<std::uint64_t>(sizeof(float) * own);
    return cost;
}

}  // namespace

Pruner sparsegpt_row() {
    return {.name = "sparsegpt",
            .title = "SparseGPT",
            .help = "the weights whose removal the others of their row can best make up for",
            .source = "Frantar and Alistarh, arXiv 2301.00774",
            .needs = PrunerNeeds::targets,
            .takes_damping = true,
            .changes_kept_weights = true,
            .cost = cost_of,
            .card_cost = card_cost_of,
            .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
