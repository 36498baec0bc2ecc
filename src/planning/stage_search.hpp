#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace alphaprune::planning {

/// The ranks of a cluster, each with the time at which it is free, and the items they work on.
class SimulatedRanks {
  public:
    /// The last node may have fewer ranks.
    SimulatedRanks(int ranks, int ranks_per_node);

    /// One stage: as many groups of that size as fit on a node; its other ranks skip the stage.
    /// Whichever group is free first takes the next item; a group begins when all its ranks are
    /// there.
    void run_stage(int group_ranks, std::span<const double> seconds);

    /// When the last rank is done.
    double makespan() const;
    /// Seconds that ranks have worked, all together.
    double busy() const { return busy_; }

  private:
    struct Group {
        double ready = 0;
        int first_rank = 0;

        friend bool operator<(const Group& a, const Group& b) {
            return a.ready != b.ready ? a.ready < b.ready : a.first_rank < b.first_rank;
        }
    };

    void form_groups(int group_ranks);

    int ranks_per_node_;
    double busy_ = 0;
    std::vector<double> free_at_;
    std::vector<Group> groups_;
};

/// Items to be shared out over groups of ranks, and what each takes on groups of each size.
struct StageProblem {
    int ranks = 1;
    int ranks_per_node = 1;
    std::vector<int> group_sizes{1};           ///< ascending; a node has room for each
    std::vector<std::vector<double>> seconds;  ///< by kind of item, by index of the group size
    std::vector<std::size_t> least_size;       ///< by kind: index of the smallest group it fits
    std::vector<std::size_t> kinds;            ///< of each item, the longest first
};

/// Which items go to larger groups than they need: the first ones.
struct StageChoice {
    std::size_t items = 0;
    std::size_t size = 0;  ///< index into the group sizes

    friend bool operator==(const StageChoice&, const StageChoice&) = default;
};

/// The items that groups of one size take.
struct ItemStage {
    std::size_t size = 0;
    std::vector<std::size_t> items;  ///< the longest first
};

/// Stages in the order in which every rank goes through them, larger groups first.
std::vector<ItemStage> stages_of(const StageProblem& problem, StageChoice choice);

/// What a choice comes to, by simulation.
struct SimulatedStages {
    double seconds = 0;
    double busy = 0;  ///< seconds that ranks have worked, all together
};
SimulatedStages simulated(const StageProblem& problem, const std::vector<ItemStage>& stages);

/// The choice that ends first. Groups beyond what items need must gain a tenth at least.
StageChoice best_choice(const StageProblem& problem);

}  // namespace alphaprune::planning
