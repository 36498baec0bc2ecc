#include "alphaprune/allocation/ratio_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

/// Of the offsets, from coarse to fine.
constexpr std::array kSteps{0.06, 0.03};
/// The farthest that a parabola is trusted, in steps.
constexpr double kFarthest = 1.5;
/// Offspring of a generation, and what they move from one matrix to another.
constexpr int kOffspring = 4;
constexpr int kMostMutations = 3;
constexpr double kMutation = 0.04;

/// A direction in which the ratios of all matrices are changed together.
struct Coordinate {
    const char* name;
    double (*direction)(const SearchItem& item, double depth);  ///< depth: from −1 to 1
};

bool is_attention(const SearchItem& item) {
    return item.kind == LayerKind::query_key || item.kind == LayerKind::value_output;
}

constexpr std::array<Coordinate, 6> kCoordinates{{
    {"query, key",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::query_key      ? 1.0
                : item.kind == LayerKind::value_output ? -1.0
                                                       : 0.0;
     }},
    {"attention", [](const SearchItem& item, double) { return is_attention(item) ? 1.0 : 0.0; }},
    {"down",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::down ? 1.0 : is_attention(item) ? 0.0 : -0.5;
     }},
    {"first block", [](const SearchItem&, double depth) { return depth == -1 ? 1.0 : 0.0; }},
    {"slope", [](const SearchItem&, double depth) { return depth; }},
    {"ends", [](const SearchItem&, double depth) { return depth * depth; }},
}};

/// Where a parabola through the losses at −1, 0 and 1 is least, or as far that way as it is
/// trusted; 0 where a loss is no number.
double least_of_parabola(double before, double here, double after) {
    const double slope = (after - before) / 2;
    const double curvature = after - 2 * here + before;
    if (!std::isfinite(slope) || !std::isfinite(curvature)) {
        return 0;
    }
    const double far = slope > 0 ? -kFarthest : kFarthest;
    return curvature > 0 ? std::clamp(-slope / curvature, -kFarthest, kFarthest)
           : slope == 0  ? 0.0
                         : far;
}

class Search {
  public:
    Search(std::span<const SearchItem> items, const SearchLimits& limits, const Evaluate& evaluate)
        : items_(items), limits_(limits), evaluate_(evaluate), random_(limits.seed) {
        for (const SearchItem& item : items) {
            sized_.push_back({item.block, item.weights, 0});
        }
    }

    bool is_over() const { return stopped_ || left() == 0; }

    /// A candidate as it is thought of; shifted, it meets S.
    struct Thought {
        std::string change;
        std::vector<double> ratios;
    };

    /// Tries as many as the limit leaves. @return their losses
    std::vector<double> consider(std::span<const Thought> thoughts) {
        const auto count = std::min(thoughts.size(), left());
        std::vector<std::vector<double>> candidates;
        for (const Thought& thought : thoughts.first(count)) {
            candidates.push_back(
                shifted_to_mean(sized_, thought.ratios, limits_.sparsity_ratio, limits_.most)
                    .ratios);
        }
        const std::vector<double> losses = evaluate_(candidates);
        stopped_ = losses.size() < count;
        for (std::size_t i = 0; i < losses.size(); ++i) {
            const bool better = result_.history.empty() || losses[i] < result_.loss ||
                                (std::isfinite(losses[i]) && !std::isfinite(result_.loss));
            result_.history.push_back({thoughts[i].change, losses[i], better});
            if (better) {
                result_.loss = losses[i];
                result_.ratios = std::move(candidates[i]);
            }
        }
        return losses;
    }

    /// Looks both ways along every coordinate, and then at where all of them together promise most.
    void explore(double step) {
        const std::vector<double> centre = result_.ratios;
        const double loss = result_.loss;
        std::vector<std::vector<double>> directions;
        std::vector<Thought> thoughts;
        for (const Coordinate& coordinate : kCoordinates) {
            std::vector<double> direction = direction_of(coordinate);
            if (!moves(direction)) {
                continue;
            }
            for (const double signed_step : {-step, step}) {
                thoughts.push_back({fmt::format("{} {:+}", coordinate.name, signed_step),
                                    moved(centre, direction, signed_step)});
            }
            directions.push_back(std::move(direction));
        }
        const std::vector<double> losses = consider(thoughts);
        if (directions.empty() || losses.size() < thoughts.size() || is_over()) {
            return;
        }
        for (const double part : {1.0, 0.5}) {
            Thought together{fmt::format("all of these, {:g} of the way", part), centre};
            for (std::size_t c = 0; c < directions.size(); ++c) {
                const double way = least_of_parabola(losses[2 * c], loss, losses[2 * c + 1]);
                together.ratios = moved(together.ratios, directions[c], part * step * way);
            }
            thoughts.push_back(std::move(together));
        }
        consider(std::span(thoughts).last(2));
    }

    /// Offspring of the best: steps of the ratio moved between matrices of one size.
    void evolve() {
        std::vector<Thought> offspring;
        for (int child = 0; child < kOffspring; ++child) {
            Thought thought{"", result_.ratios};
            const auto mutations = 1 + random_() % kMostMutations;
            for (std::uint64_t i = 0; i < mutations; ++i) {
                const auto [from, to] = two_of_one_size();
                thought.ratios[from] -= kMutation;
                thought.ratios[to] += kMutation;
                thought.change += fmt::format("{}{:+} from {} to {}", i == 0 ? "" : ", ", kMutation,
                                              items_[from].name, items_[to].name);
            }
            offspring.push_back(std::move(thought));
        }
        consider(offspring);
    }

    bool can_evolve() const {
        for (std::size_t i = 0; i + 1 < items_.size(); ++i) {
            for (std::size_t j = i + 1; j < items_.size(); ++j) {
                if (items_[i].weights == items_[j].weights) {
                    return true;
                }
            }
        }
        return false;
    }

    SearchResult take() { return std::move(result_); }

  private:
    std::size_t left() const {
        return static_cast<std::size_t>(limits_.evaluations) - result_.history.size();
    }

    /// A direction in which all matrices move alike changes nothing.
    static bool moves(std::span<const double> direction) {
        return std::ranges::any_of(direction,
                                   [&](double value) { return value != direction.front(); });
    }

    static std::vector<double> moved(std::vector<double> ratios, std::span<const double> direction,
                                     double step) {
        for (std::size_t i = 0; i < ratios.size(); ++i) {
            ratios[i] += step * direction[i];
        }
        return ratios;
    }

    std::vector<double> direction_of(const Coordinate& coordinate) const {
        const std::vector<int> blocks = blocks_of(sized_);
        std::vector<double> direction;
        for (const SearchItem& item : items_) {
            const auto position = static_cast<double>(position_of(blocks, item.block));
            const double depth =
                blocks.size() > 1 ? 2 * position / static_cast<double>(blocks.size() - 1) - 1 : -1;
            direction.push_back(coordinate.direction(item, depth));
        }
        return direction;
    }

    std::pair<std::size_t, std::size_t> two_of_one_size() {
        while (true) {
            const std::size_t from = random_() % items_.size();
            const std::size_t to = random_() % items_.size();
            if (from != to && items_[from].weights == items_[to].weights) {
                return {from, to};
            }
        }
    }

    std::span<const SearchItem> items_;
    std::vector<AllocationItem> sized_;
    SearchLimits limits_;
    const Evaluate& evaluate_;
    bool stopped_ = false;
    std::mt19937_64 random_;
    SearchResult result_;
};

}  // namespace

SearchResult search_ratios(std::span<const SearchItem> items, std::span<const SearchStart> starts,
                           const SearchLimits& limits, const Evaluate& evaluate) {
    assert(!starts.empty() && limits.evaluations > 0);
    Search search(items, limits, evaluate);
    std::vector<Search::Thought> first;
    for (const SearchStart& start : starts) {
        first.push_back({start.name, start.ratios});
    }
    search.consider(first);
    for (const double step : kSteps) {
        if (!search.is_over()) {
            search.explore(step);
        }
    }
    while (search.can_evolve() && !search.is_over()) {
        search.evolve();
    }
    return search.take();
}

}  // namespace alphaprune::allocation
