#pragma once

#include <span>
#include <vector>

namespace alphaprune::planning {

/// The ranks of a cluster, each with the time at which it is free, working off lists of items.
class SimulatedRanks {
  public:
    /// The last node may have fewer ranks.
    SimulatedRanks(int ranks, int ranks_per_node);

    /// One stage: as many groups of that size as a node has room for, its other ranks passing by.
    /// Whichever group is free first takes the next item; a group begins when all its ranks are
    /// there.
    void work_off(int group_ranks, std::span<const double> seconds);

    /// When the last rank is done.
    double makespan() const;
    /// Seconds that ranks have worked, all together.
    double busy() const { return busy_; }
    /// All ranks free at time 0 again.
    void restart();

  private:
    struct Group {
        double ready = 0;
        int first_rank = 0;

        friend bool operator<(const Group& a, const Group& b) {
            return a.ready != b.ready ? a.ready < b.ready : a.first_rank < b.first_rank;
        }
    };

    void form_groups(int group_ranks);
    void set_free(const Group& group, int group_ranks);

    int ranks_per_node_;
    double busy_ = 0;
    std::vector<double> free_at_;
    std::vector<Group> groups_;
};

}  // namespace alphaprune::planning
