#include "alphaprune/allocation/ratio_search.hpp"

#include <fmt/format.h>

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
/// Of a single matrix.
constexpr double kMutation = 0.04;

/// A direction in which the ratios of all matrices are changed together.
struct Coordinate {
    const char* name;
    double (*direction)(const SearchItem& item, double depth);  ///< depth: from −1 to 1
};

constexpr std::array<Coordinate, 4> kCoordinates{{
    {"query, key",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::query_key      ? 1.0
                : item.kind == LayerKind::value_output ? -1.0
                                                       : 0.0;
     }},
    {"attention",
     [](const SearchItem& item, double) { return item.kind == LayerKind::other ? 0.0 : 1.0; }},
    {"first block", [](const SearchItem&, double depth) { return depth == -1 ? 1.0 : 0.0; }},
    {"slope", [](const SearchItem&, double depth) { return depth; }},
}};

class Search {
  public:
    Search(std::span<const SearchItem> items, const SearchLimits& limits,
           const std::function<double(std::span<const double>)>& evaluate,
           const std::function<bool()>& stop)
        : items_(items), limits_(limits), evaluate_(evaluate), stop_(stop), random_(limits.seed) {
        for (const SearchItem& item : items) {
            sized_.push_back({item.block, item.weights, 0});
        }
    }

    bool is_over() const {
        return static_cast<int>(result_.history.size()) >= limits_.evaluations ||
               (!result_.history.empty() && stop_());
    }

    /// Tries ratios once they meet S. @return whether they are the best so far
    bool consider(std::span<const double> values, std::string change) {
        std::vector<double> ratios =
            shifted_to_mean(sized_, values, limits_.sparsity_ratio, limits_.most).ratios;
        const double loss = evaluate_(ratios);
        const bool better = result_.history.empty() || loss < result_.loss ||
                            (std::isfinite(loss) && !std::isfinite(result_.loss));
        result_.history.push_back({std::move(change), loss, better});
        if (better) {
            result_.loss = loss;
            result_.ratios = std::move(ratios);
        }
        return better;
    }

    /// Goes along a coordinate, one way or the other, as long as that helps.
    void descend(const Coordinate& coordinate, double step) {
        for (const double signed_step : {step, -step}) {
            bool helped = false;
            while (!is_over() && moves(coordinate) &&
                   consider(moved(coordinate, signed_step),
                            fmt::format("{} {:+}", coordinate.name, signed_step))) {
                helped = true;
            }
            if (helped) {
                return;
            }
        }
    }

    /// Moves a step of the ratio between two matrices of one size.
    void mutate() {
        const auto [from, to] = two_of_one_size();
        std::vector<double> values = result_.ratios;
        values[from] -= kMutation;
        values[to] += kMutation;
        consider(values, fmt::format("{} {:+}, {} {:+}", items_[from].name, -kMutation,
                                     items_[to].name, kMutation));
    }

    bool can_mutate() const {
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
    /// A coordinate along which all matrices move alike changes nothing.
    bool moves(const Coordinate& coordinate) const {
        const std::vector<double> directions = directions_of(coordinate);
        return std::ranges::any_of(
            directions, [&](double direction) { return direction != directions.front(); });
    }

    std::vector<double> moved(const Coordinate& coordinate, double step) const {
        const std::vector<double> directions = directions_of(coordinate);
        std::vector<double> values = result_.ratios;
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] += step * directions[i];
        }
        return values;
    }

    std::vector<double> directions_of(const Coordinate& coordinate) const {
        const std::vector<int> blocks = blocks_of(sized_);
        std::vector<double> directions;
        for (const SearchItem& item : items_) {
            const auto position = static_cast<double>(position_of(blocks, item.block));
            const double depth =
                blocks.size() > 1 ? 2 * position / static_cast<double>(blocks.size() - 1) - 1 : -1;
            directions.push_back(coordinate.direction(item, depth));
        }
        return directions;
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
    const std::function<double(std::span<const double>)>& evaluate_;
    const std::function<bool()>& stop_;
    std::mt19937_64 random_;
    SearchResult result_;
};

}  // namespace

SearchResult search_ratios(std::span<const SearchItem> items, std::span<const SearchStart> starts,
                           const SearchLimits& limits,
                           const std::function<double(std::span<const double>)>& evaluate,
                           const std::function<bool()>& stop) {
    assert(!starts.empty());
    Search search(items, limits, evaluate, stop);
    for (const SearchStart& start : starts) {
        if (!search.is_over()) {
            search.consider(start.ratios, start.name);
        }
    }
    for (const double step : kSteps) {
        for (const Coordinate& coordinate : kCoordinates) {
            search.descend(coordinate, step);
        }
    }
    while (search.can_mutate() && !search.is_over()) {
        search.mutate();
    }
    return search.take();
}

}  // namespace alphaprune::allocation
