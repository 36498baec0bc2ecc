#include "sparsegpt.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "scores.hpp"
#include "selection.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<> kThresholdNoNumber{
    "pruning.threshold-no-number",
    "scores (squares of weights over those of the inverse Hessian's factor) are NaN or too large "
    "for float32",
    "weights or activations overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};

const support::Warning<std::string, double, double> kDampingRaised{
    "pruning.damping-raised",
    "{}: the Hessian was not positive definite; damping was raised from {} to {}",
    "the calibration sequences are few or repeat themselves",
    "give more, or more varied, calibration sequences"};

constexpr double kUsualDamping = 0.01;

/// This rank's rows, all columns.
linalg::FloatView rows_of(std::span<float> weights, std::int64_t cols) {
    return {weights.data(), static_cast<std::int64_t>(weights.size()) / cols, cols, cols};
}

linalg::FloatView columns(const linalg::FloatView& matrix, std::int64_t begin, std::int64_t end) {
    return {matrix.data + begin, matrix.rows, end - begin, matrix.stride};
}

linalg::ConstFloatView constant(const linalg::FloatView& matrix) {
    return {matrix.data, matrix.rows, matrix.cols, matrix.stride};
}

void remove_dead_inputs(const linalg::FloatView& weights, const std::vector<bool>& dead) {
    for (std::int64_t j = 0; j < weights.cols; ++j) {
        for (std::int64_t i = 0; dead[static_cast<std::size_t>(j)] && i < weights.rows; ++i) {
            weights.data[i * weights.stride + j] = 0.0F;
        }
    }
}

/// Panels are 128 columns wide, or somewhat less where groups of M would not fit in whole.
std::int64_t panel_width(const std::optional<Pattern>& pattern) {
    return pattern ? kWidestPanel / pattern->group * pattern->group : kWidestPanel;
}

/// The score w²/U_jj² at index int(numel·ratio) of the panel's ascending order, over all ranks. A
/// score is not negative, so its bit pattern orders as it does.
float threshold_of(const parallel::Communicator& ranks, const linalg::FloatView& panel,
                   const linalg::ConstFloatView& factor, std::int64_t rows_in_all, double ratio) {
    std::vector<std::uint32_t> keys(static_cast<std::size_t>(panel.rows * panel.cols));
    for (std::int64_t i = 0; i < panel.rows; ++i) {
        const float* const row = panel.data + i * panel.stride;
        std::uint32_t* const key = keys.data() + i * panel.cols;
        for (std::int64_t j = 0; j < panel.cols; ++j) {
            const float diagonal = factor.data[j * factor.stride + j];
            key[j] = std::bit_cast<std::uint32_t>(row[j] * row[j] / (diagonal * diagonal));
        }
    }
    const std::int64_t total = rows_in_all * panel.cols;
    const auto position = static_cast<std::int64_t>(static_cast<double>(total) * ratio);
    return std::bit_cast<float>(
        select_key<std::uint32_t>(ranks, keys, std::min(position, total - 1)).key);
}

class SparseGptPruner : public BlockPruner {
  public:
    explicit SparseGptPruner(const BlockInputs& inputs)
        : ranks_(inputs.ranks),
          sequences_(inputs.sequences),
          hessians_(inputs.sites.size()),
          factors_(inputs.sites.size()) {
        for (const SiteShape& site : inputs.sites) {
            widths_.push_back(site.cols);
        }
    }

    void observe(std::size_t site, const SiteInput& input) override {
        if (!hessians_[site]) {
            hessians_[site].emplace(ranks_, widths_[site]);
        }
        hessians_[site]->add(input.present, input.tokens);
    }

    void finish_statistics(std::size_t site, const std::string& where) override {
        factors_[site].emplace(std::move(*hessians_[site]), sequences_, where);
        if (const double damping = factors_[site]->damping(); damping > kUsualDamping) {
            notes_.push_back(kDampingRaised(where, kUsualDamping, damping));
        }
    }

    std::optional<Fit> prune(std::size_t site, const MatrixRows& rows, const PruneTarget& target,
                             const std::string& where) override {
        prune_sparsegpt(ranks_, *factors_[site], rows.weights, target.ratio, target.pattern, where);
        return std::nullopt;
    }

    void release(std::size_t site) override {
        hessians_[site].reset();
        factors_[site].reset();
    }

    std::vector<std::string> notes() const override { return notes_; }

  private:
    const parallel::Communicator& ranks_;
    std::int64_t sequences_;
    std::vector<std::int64_t> widths_;
    std::vector<std::optional<Hessian>> hessians_;
    std::vector<std::optional<InverseFactor>> factors_;
    std::vector<std::string> notes_;
};

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs, const PrunerSettings&) {
    return std::make_unique<SparseGptPruner>(inputs);
}

/// Hessians, their inverses' factors, and the sweep over the rows. The constants are times over
/// those of the flops at the speed of SGEMM.
SiteCost cost_of(const SiteWork& work) {
    constexpr double kSweep = 2.0;
    constexpr double kFactorAlone = 1.6;
    constexpr double kFactorDistributed = 4.0;
    const auto cols = static_cast<double>(work.cols);
    const auto own = static_cast<double>(work.own_sequences);
    const double square = cols * cols;
    const bool distributed = work.ranks > 1 && work.cols > kLargestLocalHessian;
    const double factor = distributed ? kFactorDistributed / work.ranks : kFactorAlone;
    SiteCost cost;
    cost.flops = own * square * static_cast<double>(work.tokens) +
                 4.0 / 3 * square * cols * factor + kSweep * work.weights * cols / work.ranks;
    cost.bytes_moved = 10 * own * square;
    cost.bytes_summed = 4 * square;
    cost.bytes_broadcast = 2 * square;
    cost.memory = Hessian::memory_needed(work.cols, work.ranks, work.node_ranks);
    return cost;
}

}  // namespace

std::int64_t prune_sparsegpt(const parallel::Communicator& ranks, const InverseFactor& factor,
                             std::span<float> weights, double ratio, std::optional<Pattern> pattern,
                             const std::string& where) {
    const std::int64_t order = factor.order();
    const linalg::FloatView matrix = rows_of(weights, order);
    assert(matrix.rows * order == static_cast<std::int64_t>(weights.size()));
    assert(pattern || (ratio >= 0 && ratio <= 1));
    remove_dead_inputs(matrix, factor.dead_inputs());
    const std::int64_t rows_in_all = ranks.sum(matrix.rows);
    const std::int64_t width = panel_width(pattern);
    const bool something_goes = pattern || ratio > 0;
    std::vector<float> error_values(static_cast<std::size_t>(matrix.rows * width));
    for (std::int64_t begin = 0; something_goes && rows_in_all > 0 && begin < order;
         begin += width) {
        parallel::check_stop_collectively(ranks);
        const std::int64_t end = std::min(begin + width, order);
        const std::vector<float> factor_values = factor.panel(begin, end);
        const linalg::ConstFloatView block{factor_values.data(), end - begin, end - begin,
                                           order - begin};
        const linalg::ConstFloatView rest{factor_values.data() + (end - begin), end - begin,
                                          order - end, order - begin};
        const linalg::FloatView panel = columns(matrix, begin, end);
        const linalg::FloatView errors{error_values.data(), matrix.rows, end - begin, width};
        RemovalRule rule{0, pattern};
        if (!pattern) {
            rule.threshold = threshold_of(ranks, panel, block, rows_in_all, ratio);
            if (!std::isfinite(rule.threshold)) {  // the same on every rank
                throw kThresholdNoNumber(where).mark_agreed();
            }
        }
        sweep_panel(panel, block, rule, errors);
        linalg::sgemm(-1, constant(errors), rest, linalg::Transpose::no, 1,
                      columns(matrix, end, order));
    }
    return zeros_among(weights);
}

Pruner sparsegpt_row() {
    return {.name = "sparsegpt",
            .title = "SparseGPT",
            .help = "the weights whose removal the others of their row can best make up for",
            .source = "Frantar and Alistarh, arXiv 2301.00774",
            .needs = PrunerNeeds::hessian,
            .changes_kept_weights = true,
            .bits_depend_on_ranks = true,
            .cost = cost_of,
            .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
