#include "far_sweep.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <map>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "far_selection.hpp"
#include "far_work.hpp"
#include "sparsegpt.hpp"

namespace alphaprune::pruning {
namespace {

static_assert(kWidestPanel == linalg::PanelSweep::kWidest);

/// Matrices whose panels are of one width, one below the other. See SiteSweep.
class FarSweep {
  public:
    FarSweep(const parallel::Communicator& ranks, linalg::FarLane& lane, const FarInverse& inverse,
             std::span<const SiteMatrix> matrices, std::int64_t width)
        : ranks_(ranks),
          lane_(lane),
          inverse_(inverse),
          matrices_(matrices),
          width_(width),
          weights_(lane),
          errors_(lane),
          scores_(lane),
          gone_(lane),
          counts_(lane) {
        std::int64_t height = 0;
        std::int64_t gone = 0;
        for (const SiteMatrix& matrix : matrices_) {
            const std::int64_t rows = matrix.far->count;
            places_.push_back({height, rows, gone});
            heights_.push_back(rows);
            height += rows;
            gone += std::ssize(matrix.rows.gone);
        }
        ranks_.all_reduce_sum(std::span(heights_));
        parallel::run_collectively(ranks_, [&] {
            far_work([&] {
                weights_.at_least(height * order());
                errors_.at_least(height * width_);
                scores_.at_least(height * width_);
                gone_.at_least<std::uint8_t>(gone);
            });
        });
    }

    void run(FarFit* fit) {
        far_work([&] { take(fit); });
        for (std::int64_t begin = 0; begin < order(); begin += width_) {
            parallel::check_stop_collectively(ranks_);
            const std::int64_t end = std::min(begin + width_, order());
            const std::vector<RemovalRule> rules = rules_of(begin, end);
            far_work([&] { sweep(begin, end, rules); });
        }
        parallel::run_collectively(ranks_, [&] {
            for (std::size_t m = 0; m < matrices_.size(); ++m) {
                matrices_[m].far->put(at(m, 0));
            }
        });
    }

  private:
    struct Place {
        std::int64_t first_row = 0;
        std::int64_t rows = 0;
        std::int64_t gone = 0;  ///< where it is among what is gone of all
    };

    std::int64_t order() const { return inverse_.order(); }
    std::int64_t height() const { return places_.back().first_row + places_.back().rows; }
    float* all() { return weights_.at_least(height() * order()).data(); }
    /// A matrix from a column on.
    float* at(std::size_t matrix, std::int64_t col) {
        return all() + places_[matrix].first_row * order() + col;
    }
    float* errors_of(std::size_t matrix) {
        return errors_.at_least(height() * width_).data() + places_[matrix].first_row * width_;
    }
    float* scores_of(std::size_t matrix) {
        return scores_.at_least(height() * width_).data() + places_[matrix].first_row * width_;
    }
    /// What is gone of a matrix, from a column on.
    const std::uint8_t* gone_of(std::size_t matrix, std::int64_t col) {
        return matrices_[matrix].rows.gone.empty()
                   ? nullptr
                   : gone_.at_least<std::uint8_t>(0).data() + places_[matrix].gone + col;
    }

    void take(FarFit* fit) {
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            const MatrixRows& rows = matrices_[m].rows;
            float* const weights = at(m, 0);
            matrices_[m].far->take(weights);
            if (fit != nullptr) {
                fit->move(weights, {rows.first_row, rows.first_row + places_[m].rows});
            }
            lane_.clear_columns(weights, places_[m].rows, inverse_.dead_inputs());
            if (!rows.gone.empty()) {
                lane_.upload(gone_.at_least<std::uint8_t>(0).data() + places_[m].gone,
                             std::as_bytes(rows.gone));
            }
        }
    }

    /// Thresholds are the scores at index int(numel·ratio) of a matrix' panel, over all ranks.
    std::vector<RemovalRule> rules_of(std::int64_t begin, std::int64_t end) {
        std::vector<RemovalRule> rules;
        std::vector<std::size_t> by_ratio;
        std::vector<std::int64_t> positions;
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            rules.push_back(rule_without_ratio(matrices_[m].target));
            if (has_ratio(matrices_[m].target)) {
                by_ratio.push_back(m);
                positions.push_back(
                    threshold_position(matrices_[m].target, heights_[m] * (end - begin)));
            }
        }
        const std::vector<Selected> found = far_work([&] {
            std::vector<FarValues> sets;
            for (const std::size_t m : by_ratio) {
                lane_.score({.weights = at(m, begin),
                             .stride = order(),
                             .rows = places_[m].rows,
                             .cols = end - begin,
                             .factor = inverse_.from(begin, begin),
                             .factor_stride = order(),
                             .gone = gone_of(m, begin),
                             .gone_stride = order(),
                             .scores = scores_of(m)});
                sets.push_back({scores_of(m), places_[m].rows * (end - begin), nullptr});
            }
            return select_far(ranks_, lane_, sets, positions, counts_);
        });
        for (std::size_t i = 0; i < by_ratio.size(); ++i) {
            rules[by_ratio[i]].threshold =
                finite_threshold(found[i].key, matrices_[by_ratio[i]].where);
        }
        return rules;
    }

    /// The panel, then what is right of it.
    void sweep(std::int64_t begin, std::int64_t end, std::span<const RemovalRule> rules) {
        for (std::size_t m = 0; m < matrices_.size(); ++m) {
            const std::optional<Pattern>& pattern = rules[m].pattern;
            lane_.sweep({.weights = at(m, begin),
                         .stride = order(),
                         .rows = places_[m].rows,
                         .cols = end - begin,
                         .factor = inverse_.from(begin, begin),
                         .factor_stride = order(),
                         .gone = gone_of(m, begin),
                         .gone_stride = order(),
                         .threshold = rules[m].threshold,
                         .group = pattern ? pattern->group : 0,
                         .removed = pattern ? pattern->removed : 0,
                         .errors = errors_of(m),
                         .error_stride = width_});
        }
        if (end < order()) {
            lane_.multiply_add({.alpha = -1,
                                .a = errors_of(0),
                                .a_stride = width_,
                                .b = inverse_.from(begin, end),
                                .b_stride = order(),
                                .beta = 1,
                                .out = at(0, end),
                                .out_stride = order(),
                                .rows = height(),
                                .inner = end - begin,
                                .cols = order() - end});
        }
    }

    const parallel::Communicator& ranks_;
    linalg::FarLane& lane_;
    const FarInverse& inverse_;
    std::span<const SiteMatrix> matrices_;
    std::int64_t width_;
    std::vector<Place> places_;
    std::vector<std::int64_t> heights_;  ///< rows on all ranks
    linalg::FarBuffer weights_;
    linalg::FarBuffer errors_;
    linalg::FarBuffer scores_;
    linalg::FarBuffer gone_;
    linalg::FarBuffer counts_;
};

}  // namespace

void sweep_far_site(const parallel::Communicator& ranks, linalg::FarLane& lane,
                    const FarInverse& inverse, std::span<const SiteMatrix> matrices, FarFit* fit) {
    std::map<std::int64_t, std::vector<SiteMatrix>> by_width;
    for (const SiteMatrix& matrix : matrices) {
        if (ranks.any(matrix.far->count > 0)) {
            by_width[panel_width(matrix.target.pattern)].push_back(matrix);
        }
    }
    for (const auto& [width, some] : by_width) {
        FarSweep(ranks, lane, inverse, some, width).run(fit);
    }
}

}  // namespace alphaprune::pruning
