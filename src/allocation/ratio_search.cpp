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
#include "response_surface.hpp"

namespace alphaprune::allocation {
namespace {

/// Of the coordinates.
constexpr double kStep = 0.06;
/// In steps: the farthest that the surface is trusted, and how far apart candidates near its least
/// are.
constexpr double kReach = 1.5;
constexpr double kSpread = 0.4;
/// Candidates that are thought of at a time.
constexpr std::size_t kGeneration = 4;
/// Evaluations after which the surface is known well enough, and single matrices are next.
constexpr std::size_t kOfSurface = 40;
/// The least of the surface is taken unless it is worse than the best candidate by so much.
constexpr double kDoubtful = 0.02;
constexpr int kMostMutations = 3;
constexpr double kMutation = 0.04;

/// A direction in which the ratios of all matrices are changed together.
struct Coordinate {
    const char* name;
    double (*direction)(const SearchItem& item, double depth);  ///< depth: from −1 to 1
};

bool is_attention(const SearchItem& item) {
    return item.kind == LayerKind::query_key || item.kind == LayerKind::value ||
           item.kind == LayerKind::output;
}

constexpr std::array<Coordinate, 8> kCoordinates{{
    {"query, key",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::query_key ? 1.0 : is_attention(item) ? -1.0 : 0.0;
     }},
    {"value",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::value ? 1.0 : item.kind == LayerKind::output ? -0.5 : 0.0;
     }},
    {"attention", [](const SearchItem& item, double) { return is_attention(item) ? 1.0 : 0.0; }},
    {"gate",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::gate ? 1.0 : item.kind == LayerKind::up ? -1.0 : 0.0;
     }},
    {"down",
     [](const SearchItem& item, double) {
         return item.kind == LayerKind::down ? 1.0 : is_attention(item) ? 0.0 : -0.5;
     }},
    {"first block", [](const SearchItem&, double depth) { return depth == -1 ? 1.0 : 0.0; }},
    {"slope", [](const SearchItem&, double depth) { return depth; }},
    {"ends", [](const SearchItem&, double depth) { return depth * depth; }},
}};

class Search {
  public:
    Search(std::span<const SearchItem> items, const SearchLimits& limits, const Evaluate& evaluate)
        : items_(items), limits_(limits), evaluate_(evaluate), random_(limits.seed) {
        for (const SearchItem& item : items) {
            sized_.push_back({item.block, item.weights, 0});
        }
        for (const Coordinate& coordinate : kCoordinates) {
            std::vector<double> direction = direction_of(coordinate);
            if (changes_something(direction)) {
                names_.emplace_back(coordinate.name);
                directions_.push_back(std::move(direction));
            }
        }
    }

    bool is_over() const { return stopped_ || left() == 0; }
    std::size_t tried() const { return result_.history.size(); }
    bool has_coordinates() const { return !directions_.empty(); }

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

    /// Both ways along every coordinate, from the best of the starts.
    void look_around() {
        origin_ = result_.ratios;
        const std::size_t dimension = directions_.size();
        points_ = {std::vector<double>(dimension)};
        values_ = {std::log(result_.loss)};
        std::vector<std::vector<double>> points;
        std::vector<std::string> changes;
        for (std::size_t c = 0; c < dimension; ++c) {
            for (const double way : {-1.0, 1.0}) {
                points.emplace_back(dimension);
                points.back()[c] = way;
                changes.push_back(fmt::format("{} {:+}", names_[c], way * kStep));
            }
        }
        try_points(points, changes);
    }

    /// Where the surface is least by now, and some random places near that.
    void follow_surface(std::size_t candidates) {
        const std::vector<double> least = surface().least(kReach);
        std::vector<std::vector<double>> points{least};
        std::vector<std::string> changes{described(least)};
        while (points.size() < candidates) {
            std::vector<double> near = least;
            for (double& x : near) {
                x += random_() % 2 == 0 ? kSpread : -kSpread;
            }
            changes.push_back(described(near));
            points.push_back(std::move(near));
        }
        try_points(points, changes);
    }

    /// The least of the surface, which all candidates together tell, instead of the luckiest
    /// candidate, unless that is much better.
    void settle_on_surface() {
        const std::vector<double> least = surface().least(kReach);
        const double best = result_.loss;
        const std::vector<double> losses = try_points({least}, {described(least)});
        if (!losses.empty() && losses.front() <= best * (1 + kDoubtful)) {
            result_.loss = losses.front();
            result_.ratios =
                shifted_to_mean(sized_, ratios_at(least), limits_.sparsity_ratio, limits_.most)
                    .ratios;
        }
    }

    /// Offspring of what was found: steps of the ratio moved between matrices of one size.
    void evolve() {
        std::vector<Thought> offspring;
        for (std::size_t child = 0; child < kGeneration; ++child) {
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
    std::size_t left() const { return static_cast<std::size_t>(limits_.evaluations) - tried(); }

    /// A direction in which all matrices move alike changes nothing.
    static bool changes_something(std::span<const double> direction) {
        return std::ranges::any_of(direction,
                                   [&](double value) { return value != direction.front(); });
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

    std::vector<double> ratios_at(std::span<const double> point) const {
        std::vector<double> ratios = origin_;
        for (std::size_t c = 0; c < point.size(); ++c) {
            for (std::size_t i = 0; i < ratios.size(); ++i) {
                ratios[i] += kStep * point[c] * directions_[c][i];
            }
        }
        return ratios;
    }

    std::string described(std::span<const double> point) const {
        std::string text;
        for (std::size_t c = 0; c < point.size(); ++c) {
            text += fmt::format("{}{} {:+.3f}", c == 0 ? "" : ", ", names_[c], kStep * point[c]);
        }
        return text;
    }

    std::vector<double> try_points(const std::vector<std::vector<double>>& points,
                                   const std::vector<std::string>& changes) {
        std::vector<Thought> thoughts;
        for (std::size_t p = 0; p < points.size(); ++p) {
            thoughts.push_back({changes[p], ratios_at(points[p])});
        }
        const std::vector<double> losses = consider(thoughts);
        for (std::size_t p = 0; p < losses.size(); ++p) {
            if (std::isfinite(std::log(losses[p]))) {
                points_.push_back(points[p]);
                values_.push_back(std::log(losses[p]));
            }
        }
        return losses;
    }

    ResponseSurface surface() const { return fitted_surface(points_, values_); }

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

    std::vector<std::string> names_;               ///< of the coordinates
    std::vector<std::vector<double>> directions_;  ///< of them
    std::vector<double> origin_;                   ///< ratios
    std::vector<std::vector<double>> points_;      ///< that were tried, in steps from there
    std::vector<double> values_;                   ///< logarithms of their losses
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
    if (search.has_coordinates() && !search.is_over()) {
        search.look_around();
        const std::size_t end = std::min(kOfSurface, static_cast<std::size_t>(limits.evaluations));
        while (!search.is_over() && search.tried() + 1 < end) {
            search.follow_surface(std::min(kGeneration, end - 1 - search.tried()));
        }
        if (!search.is_over()) {
            search.settle_on_surface();
        }
    }
    while (search.can_evolve() && !search.is_over()) {
        search.evolve();
    }
    return search.take();
}

}  // namespace alphaprune::allocation
