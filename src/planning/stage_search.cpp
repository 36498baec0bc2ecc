#include "stage_search.hpp"

#include <algorithm>

namespace alphaprune::planning {
namespace {

constexpr double kWorthIt = 0.9;          // of the time without groups
constexpr std::size_t kMostTried = 2000;  // the most promising ones; a matter of a second

std::size_t size_for(const StageProblem& problem, std::size_t item, StageChoice choice) {
    return std::max(problem.least_size[problem.kinds[item]],
                    item < choice.items ? choice.size : std::size_t{0});
}

/// What items 0 to i − 1, or those from i on, take together at least.
struct Sums {
    std::vector<double> work;     ///< rank-seconds
    std::vector<double> longest;  ///< seconds
};

/// All items on groups of that size, or of the least they need, summed from either end.
class Bounds {
  public:
    Bounds(const StageProblem& problem, std::size_t size) {
        const std::size_t items = problem.kinds.size();
        for (std::size_t item = 0; item < items; ++item) {
            const std::size_t at = size_for(problem, item, {items, size});
            const double seconds = problem.seconds[problem.kinds[item]][at];
            longest_.push_back(seconds);
            work_.push_back(seconds * problem.group_sizes[at]);
        }
    }
    Sums from_front() const { return summed(work_.begin(), work_.end(), longest_.begin()); }
    Sums from_back() const {
        Sums sums = summed(work_.rbegin(), work_.rend(), longest_.rbegin());
        std::ranges::reverse(sums.work);
        std::ranges::reverse(sums.longest);
        return sums;
    }

  private:
    template <class Iterator>
    static Sums summed(Iterator work, Iterator end, Iterator longest) {
        Sums sums{{0}, {0}};
        for (; work != end; ++work, ++longest) {
            sums.work.push_back(sums.work.back() + *work);
            sums.longest.push_back(std::max(sums.longest.back(), *longest));
        }
        return sums;
    }

    std::vector<double> work_;
    std::vector<double> longest_;
};

struct Candidate {
    double bound;  ///< no schedule takes less
    StageChoice choice;
};

/// All choices whose bound is below `limit`, the most promising first.
std::vector<Candidate> candidates(const StageProblem& problem, double limit) {
    const std::size_t items = problem.kinds.size();
    const Sums alone = Bounds(problem, 0).from_back();
    std::vector<Candidate> found;
    for (std::size_t size = 1; size < problem.group_sizes.size(); ++size) {
        const Sums grouped = Bounds(problem, size).from_front();
        for (std::size_t split = 1; split <= items; ++split) {
            const double work = (grouped.work[split] + alone.work[split]) / problem.ranks;
            const double bound = std::max({work, grouped.longest[split], alone.longest[split]});
            if (bound < limit) {
                found.push_back({bound, {split, size}});
            }
        }
    }
    std::ranges::stable_sort(found, {}, &Candidate::bound);
    return found;
}

}  // namespace

std::vector<ItemStage> stages_of(const StageProblem& problem, StageChoice choice) {
    std::vector<ItemStage> stages;
    for (std::size_t size = problem.group_sizes.size(); size-- > 0;) {
        ItemStage stage{size, {}};
        for (std::size_t item = 0; item < problem.kinds.size(); ++item) {
            if (size_for(problem, item, choice) == size) {
                stage.items.push_back(item);
            }
        }
        if (!stage.items.empty()) {
            stages.push_back(std::move(stage));
        }
    }
    return stages;
}

SimulatedStages simulated(const StageProblem& problem, const std::vector<ItemStage>& stages) {
    SimulatedRanks ranks(problem.ranks, problem.ranks_per_node);
    std::vector<double> seconds;
    for (const ItemStage& stage : stages) {
        seconds.clear();
        for (const std::size_t item : stage.items) {
            seconds.push_back(problem.seconds[problem.kinds[item]][stage.size]);
        }
        ranks.run_stage(problem.group_sizes[stage.size], seconds);
    }
    return {ranks.makespan(), ranks.busy()};
}

StageChoice best_choice(const StageProblem& problem) {
    StageChoice best;
    double least = kWorthIt * simulated(problem, stages_of(problem, best)).seconds;
    std::size_t tried = 0;
    for (const Candidate& candidate : candidates(problem, least)) {
        if (candidate.bound >= least || tried++ == kMostTried) {
            break;
        }
        const double seconds = simulated(problem, stages_of(problem, candidate.choice)).seconds;
        if (seconds < least) {
            least = seconds;
            best = candidate.choice;
        }
    }
    return best;
}

SimulatedRanks::SimulatedRanks(int ranks, int ranks_per_node)
    : ranks_per_node_(ranks_per_node), free_at_(static_cast<std::size_t>(ranks)) {}

void SimulatedRanks::form_groups(int group_ranks) {
    groups_.clear();
    const auto ranks = static_cast<int>(free_at_.size());
    for (int node = 0; node < ranks; node += ranks_per_node_) {
        const int end = std::min(node + ranks_per_node_, ranks);
        for (int first = node; first + group_ranks <= end; first += group_ranks) {
            const auto begin = free_at_.begin() + first;
            groups_.push_back({*std::max_element(begin, begin + group_ranks), first});
        }
    }
}

void SimulatedRanks::run_stage(int group_ranks, std::span<const double> seconds) {
    form_groups(group_ranks);
    const auto later = [](const Group& a, const Group& b) { return b < a; };
    // Only the groups that are free first can come to work: no more of them than there are items.
    const std::size_t working = std::min(groups_.size(), seconds.size());
    const auto idle = groups_.begin() + static_cast<std::ptrdiff_t>(working);
    if (idle != groups_.end()) {
        std::nth_element(groups_.begin(), idle, groups_.end());
    }
    std::make_heap(groups_.begin(), idle, later);
    for (std::size_t item = 0; working > 0 && item < seconds.size(); ++item) {
        std::pop_heap(groups_.begin(), idle, later);
        Group& first_free = *(idle - 1);
        first_free.ready += seconds[item];
        busy_ += seconds[item] * group_ranks;
        std::push_heap(groups_.begin(), idle, later);
    }
    for (const Group& group : groups_) {
        std::fill_n(free_at_.begin() + group.first_rank, group_ranks, group.ready);
    }
}

double SimulatedRanks::makespan() const {
    return *std::ranges::max_element(free_at_);
}

}  // namespace alphaprune::planning
