#include <algorithm>
#include <utility>

#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/support/message.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<std::int64_t> kScoresTooLarge{
    "pruning.scores-too-large",
    "{} scores (weight times norm of its input) are too large for float32",
    "weights or activations overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};

/// Scores are |w|·‖x‖ over the calibration sequences; the lowest of each row go.
class WandaPruner : public BlockPruner {
  public:
    explicit WandaPruner(const BlockInputs& inputs)
        : ranks_(inputs.ranks),
          threads_(inputs.nodes.threads()),
          sequences_(inputs.sequences),
          norms_(inputs.sites.size()) {
        for (const SiteShape& site : inputs.sites) {
            gathered_.emplace_back(site.cols, inputs.team);
        }
    }

    void observe(std::size_t site, const SiteInput& input) override {
        if (input.tokens > 0) {
            gathered_[site].add_sequence(input);
        }
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        norms_[site] = gathered_[site].norms(ranks_, sequences_, where);
    }

    std::vector<std::optional<Fit>> prune(std::size_t site,
                                          std::span<const SiteMatrix> matrices) override {
        for (const SiteMatrix& matrix : matrices) {
            prune_matrix(norms_[site], matrix);
        }
        return std::vector<std::optional<Fit>>(matrices.size());
    }

    void release(std::size_t site) override { norms_[site] = {}; }

  private:
    void prune_matrix(std::span<const float> norms, const SiteMatrix& matrix) const {
        if (matrix.drop) {
            refuse_overflows(matrix, matrix.drop(norms, matrix.target));
            return;
        }
        remove_gone(matrix.rows);
        const std::span<float> weights = matrix.rows.weights;
        const auto cols = static_cast<std::int64_t>(norms.size());
        refuse_overflows(matrix, count_overflows(weights, cols, norms));
        const PruneTarget& target = matrix.target;
        share_rows(
            threads_, std::ssize(weights) / cols, cols, [&](std::size_t first, std::size_t size) {
                const auto some = weights.subspan(first, size);
                const auto gone = matrix.rows.gone.empty() ? matrix.rows.gone
                                                           : matrix.rows.gone.subspan(first, size);
                target.pattern ? prune_rows(some, cols, norms, *target.pattern, gone)
                               : prune_rows(some, cols, norms, target.ratio, gone);
            });
    }

    void refuse_overflows(const SiteMatrix& matrix, std::int64_t here) const {
        if (const std::int64_t bad = ranks_.sum(here); bad > 0) {
            throw kScoresTooLarge(matrix.where, bad).mark_agreed();
        }
    }

    const parallel::Communicator& ranks_;
    const parallel::ThreadPool& threads_;
    std::int64_t sequences_;
    std::vector<InputNorms> gathered_;
    std::vector<std::vector<float>> norms_;
};

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs, const PrunerSettings&) {
    return std::make_unique<WandaPruner>(inputs);
}

/// Reading inputs once more for their squares, and the choice in each row.
SiteCost card_cost_of(const SiteWork& work) {
    constexpr double kRowSeconds = 2.35e-7;
    constexpr double kWeightSeconds = 5e-12;
    const auto cols = static_cast<double>(work.cols);
    const double own = work.weights / work.ranks;
    SiteCost cost;
    cost.bytes_moved = sizeof(float) * cols * static_cast<double>(work.tokens) * work.own_sequences;
    cost.seconds = kRowSeconds * own / cols + kWeightSeconds * own;
    cost.bytes_summed = sizeof(float) * cols * static_cast<double>(work.sequences);
    return cost;
}

}  // namespace

Pruner wanda_row() {
    return {.name = "wanda",
            .title = "Wanda",
            .help = "of each row the smallest products of weight and norm of its input",
            .source = "Sun et al., arXiv 2306.11695",
            .needs = PrunerNeeds::input_norms,
            .cost = scoring_cost,
            .card_cost = card_cost_of,
            .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
