#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <map>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "joint_selection.hpp"
#include "shared_values.hpp"
#include "sparsegpt.hpp"
#include "stacked_rows.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<> kThresholdNoNumber{
    "pruning.threshold-no-number",
    "scores (squares of weights over those of the inverse Hessian's factor) are NaN or too large "
    "for float32",
    "weights or activations overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};

linalg::FloatView columns(const linalg::FloatView& matrix, std::int64_t begin, std::int64_t end) {
    return {matrix.data + begin, matrix.rows, end - begin, matrix.stride};
}

linalg::FloatView rows_of(const linalg::FloatView& matrix, const parallel::RowRange& rows) {
    return {matrix.data + rows.begin * matrix.stride, rows.size(), matrix.cols, matrix.stride};
}

linalg::ConstFloatView constant(const linalg::FloatView& matrix) {
    return {matrix.data, matrix.rows, matrix.cols, matrix.stride};
}

/// This rank's rows of a matrix, all columns.
linalg::FloatView view_of(const SiteMatrix& matrix, std::int64_t cols) {
    const std::span<float> weights = matrix.rows.weights;
    assert(std::ssize(weights) % cols == 0);
    return {weights.data(), std::ssize(weights) / cols, cols, cols};
}

void copy_rows(const parallel::ThreadPool& threads, const linalg::FloatView& from,
               const linalg::FloatView& to) {
    threads.run(from.rows, [&](std::int64_t i, int) {
        std::copy_n(from.data + i * from.stride, from.cols, to.data + i * to.stride);
    });
}

void remove_dead_inputs(const linalg::FloatView& weights, const std::vector<bool>& dead) {
    for (std::int64_t j = 0; j < weights.cols; ++j) {
        for (std::int64_t i = 0; dead[static_cast<std::size_t>(j)] && i < weights.rows; ++i) {
            weights.data[i * weights.stride + j] = 0.0F;
        }
    }
}

/// What is gone of a matrix, from a row of this rank's and a column on.
GoneView gone_from(const MatrixRows& rows, std::int64_t cols, std::int64_t row, std::int64_t col) {
    return rows.gone.empty() ? GoneView{} : GoneView{rows.gone.data() + row * cols + col, cols};
}

/// Scores w²/U_jj² of a panel. None is negative, so their bit patterns order as they do.
void score_keys(const parallel::ThreadPool& threads, const linalg::FloatView& panel,
                const linalg::ConstFloatView& factor, GoneView gone,
                std::vector<std::uint32_t>& keys) {
    keys.resize(static_cast<std::size_t>(panel.rows * panel.cols));
    std::vector<float> squares;
    for (std::int64_t j = 0; j < panel.cols; ++j) {
        const float diagonal = factor.data[j * factor.stride + j];
        squares.push_back(diagonal * diagonal);
    }
    share_rows(threads, panel.rows, panel.cols, [&](std::size_t first, std::size_t size) {
        const auto cols = static_cast<std::size_t>(panel.cols);
        for (std::size_t at = first; at < first + size; at += cols) {
            const auto number = static_cast<std::int64_t>(at / cols);
            const float* const row = panel.data + number * panel.stride;
            for (std::size_t j = 0; j < cols; ++j) {
                keys[at + j] = std::bit_cast<std::uint32_t>(row[j] * row[j] / squares[j]);
            }
            for (std::size_t j = 0; gone.data != nullptr && j < cols; ++j) {
                keys[at + j] = gone.at(number, static_cast<std::int64_t>(j)) ? 0 : keys[at + j];
            }
        }
    });
}

/// Matrices whose panels are of one width, none of them without rows.
class SiteSweep {
  public:
    SiteSweep(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
              const DampedInverse& inverse, std::span<const SiteMatrix> matrices,
              std::int64_t width)
        : ranks_(ranks),
          threads_(threads),
          inverse_(inverse),
          matrices_(matrices),
          width_(width),
          heights_(matrices.size()),
          weights_(threads, matrices, inverse.order(), inverse.order()),
          errors_(threads, matrices, inverse.order(), width) {
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            heights_[m] = weights_.of(m).rows;
            copy_rows(threads_, view_of(matrices_[m], inverse.order()), weights_.of(m));
        }
        ranks_.all_reduce_sum(std::span(heights_));
    }

    void run() {
        const std::int64_t order = inverse_.order();
        for (std::int64_t begin = 0; begin < order; begin += width_) {
            parallel::check_stop_collectively(ranks_);
            sweep(begin, std::min(begin + width_, order));
        }
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            copy_rows(threads_, weights_.of(m), view_of(matrices_[m], order));
        }
    }

  private:
    void sweep(std::int64_t begin, std::int64_t end) {
        const std::int64_t width = end - begin;
        const linalg::ConstFloatView factor = inverse_.rows(begin, end);
        const linalg::ConstFloatView block{factor.data, width, width, factor.stride};
        const linalg::ConstFloatView rest{factor.data + width, width, factor.cols - width,
                                          factor.stride};
        const std::vector<RemovalRule> rules = rules_of(begin, block);
        // A thread sweeps its rows of the panel, then what is right of them.
        linalg::share_groups(threads_, weights_.height(), [&](parallel::RowRange some) {
            for (std::size_t m = 0; m < matrices_.size(); ++m) {
                const parallel::RowRange place = weights_.place_of(m);
                const parallel::RowRange own{std::max(some.begin, place.begin),
                                             std::min(some.end, place.end)};
                if (own.begin < own.end) {
                    sweep_panel(rows_of(columns(weights_.all(), begin, end), own), block, rules[m],
                                rows_of(columns(errors_.all(), 0, width), own),
                                gone_from(matrices_[m].rows, inverse_.order(),
                                          own.begin - place.begin, begin));
                }
            }
            linalg::sgemm_of_groups(-1, constant(rows_of(columns(errors_.all(), 0, width), some)),
                                    rest, 1,
                                    rows_of(columns(weights_.all(), end, inverse_.order()), some));
        });
    }

    /// Thresholds are the scores at index int(numel·ratio) of a matrix' panel, over all ranks.
    std::vector<RemovalRule> rules_of(std::int64_t begin, const linalg::ConstFloatView& block) {
        std::vector<RemovalRule> rules;
        std::vector<std::size_t> by_ratio;
        std::vector<std::int64_t> positions;
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            const PruneTarget& target = matrices_[m].target;
            rules.push_back(rule_without_ratio(target));
            if (has_ratio(target)) {
                by_ratio.push_back(m);
                keys_.resize(std::max(keys_.size(), by_ratio.size()));
                score_keys(threads_, columns(weights_.of(m), begin, begin + block.cols), block,
                           gone_from(matrices_[m].rows, inverse_.order(), 0, begin),
                           keys_[by_ratio.size() - 1]);
                positions.push_back(threshold_position(target, heights_[m] * block.cols));
            }
        }
        const auto found = select_keys<std::uint32_t>(ranks_, threads_, keys_, positions);
        for (std::size_t i = 0; i < by_ratio.size(); ++i) {
            rules[by_ratio[i]].threshold =
                finite_threshold(found[i].key, matrices_[by_ratio[i]].where);
        }
        return rules;
    }

    const parallel::Communicator& ranks_;
    const parallel::ThreadPool& threads_;
    const DampedInverse& inverse_;
    std::span<const SiteMatrix> matrices_;
    std::int64_t width_;
    std::vector<std::int64_t> heights_;  ///< rows on all ranks
    StackedRows weights_;
    StackedRows errors_;
    std::vector<std::vector<std::uint32_t>> keys_;  ///< of a panel of those without a pattern
};

}  // namespace

std::int64_t panel_width(const std::optional<Pattern>& pattern) {
    return pattern ? kWidestPanel / pattern->group * pattern->group : kWidestPanel;
}

RemovalRule rule_without_ratio(const PruneTarget& target) {
    constexpr float kNothing = -1;  // is below every score
    return {kNothing, target.pattern};
}

bool has_ratio(const PruneTarget& target) {
    return !target.pattern && target.ratio > 0;
}

std::int64_t threshold_position(const PruneTarget& target, std::int64_t scores) {
    const auto position = static_cast<std::int64_t>(static_cast<double>(scores) * target.ratio);
    return std::min(position, scores - 1);
}

float finite_threshold(std::uint32_t key, const std::string& where) {
    const auto threshold = std::bit_cast<float>(key);
    if (!std::isfinite(threshold)) {
        throw kThresholdNoNumber(where).mark_agreed();
    }
    return threshold;
}

void sweep_site(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                const DampedInverse& inverse, std::span<const SiteMatrix> matrices) {
    std::map<std::int64_t, std::vector<SiteMatrix>> by_width;
    for (const SiteMatrix& matrix : matrices) {
        const PruneTarget& target = matrix.target;
        assert(target.pattern || (target.ratio >= 0 && target.ratio <= 1));
        remove_dead_inputs(view_of(matrix, inverse.order()), inverse.dead_inputs());
        const bool something_goes =
            ranks.any(target.pattern || target.ratio > 0 || !matrix.rows.gone.empty());
        if (something_goes && ranks.any(!matrix.rows.weights.empty())) {
            by_width[panel_width(target.pattern)].push_back(matrix);
        }
    }
    for (const auto& [width, some] : by_width) {
        SiteSweep(ranks, threads, inverse, some, width).run();
    }
}

}  // namespace alphaprune::pruning
