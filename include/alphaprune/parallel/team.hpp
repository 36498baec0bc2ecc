#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/parallel/work_clock.hpp"

namespace alphaprune::parallel {

/// Some ranks of one node, and the threads of each, that share pieces of work on memory which all
/// of them see (NodeArray over ranks()).
class Team {
  public:
    /// Collective. @param ranks  of one node  @param threads  of this rank; outlives the team
    /// @param clock  of this rank, where waiting is booked; nullptr: one of its own
    explicit Team(Communicator ranks, const ThreadPool& threads = ThreadPool::single(),
                  std::shared_ptr<WorkClock> clock = {})
        : ranks_(std::move(ranks)),
          threads_(&threads),
          clock_(clock ? std::move(clock) : std::make_shared<WorkClock>()) {}

    const Communicator& ranks() const { return ranks_; }
    const ThreadPool& threads() const { return *threads_; }
    /// Where this rank's time is booked.
    WorkClock& clock() const { return *clock_; }

    /// Collective: calls work(item, thread) once for each item from 0 to `count` on one of the
    /// ranks, and returns when all are done, so that every rank sees what was written. Item i is
    /// done by rank i mod size, whoever is its thread there.
    /// @throws Error on all ranks when one call throws; the work itself must not communicate
    void share(std::int64_t count,
               const std::function<void(std::int64_t item, int thread)>& work) const;
    /// The same by slices of 0 to `size`, each of `slice` values except the last.
    void share_slices(std::int64_t size, std::int64_t slice,
                      const std::function<void(RowRange range)>& work) const;
    /// Collective: what a rank has written or read before, no other rank reads or changes until
    /// after.
    void sync() const;

  private:
    Communicator ranks_;
    const ThreadPool* threads_;
    std::shared_ptr<WorkClock> clock_;
};

/// How many times longer some ranks, or threads, that share a piece of work take than their number
/// would have it: they wait for each other.
double loss_of_sharing(int workers);

/// How many teams each node forms so that some items, each of which one team works on as a whole,
/// take the least time: ranks that would have none, or wait for others at the end, join a team.
/// @param node_ranks  of each node
std::vector<int> teams_of_nodes(std::span<const int> node_ranks, std::int64_t items);

/// How many ranks may share an item.
enum class TeamSize {
    best,  ///< as teams_of_nodes() has it
    one,
};

/// All ranks in teams, among which some items are divided: team after team, in order of their first
/// ranks, takes a share of them, in their order. So the items of ranks come in order, whatever the
/// number of ranks.
class Teams {
  public:
    /// Collective. @param nodes  outlives the object
    Teams(const Communicator& ranks, const NodeMap& nodes, std::int64_t items,
          TeamSize size = TeamSize::best);

    /// That this rank belongs to.
    const Team& own() const { return own_; }
    /// Of that team.
    RowRange items() const { return items_; }
    /// Whether this rank speaks for its team: the first of each.
    bool is_first() const { return own_.ranks().is_root(); }
    int count() const { return count_; }
    /// Items of a team, at most.
    std::int64_t rounds() const { return rounds_; }

  private:
    struct Place {
        int team_of_node = 0;  ///< this rank's
        int number = 0;        ///< of that team among all
        int count = 0;
    };
    static Place place_of(const Communicator& ranks, const NodeMap& nodes, std::int64_t items,
                          TeamSize size);
    Teams(const NodeMap& nodes, std::int64_t items, const Place& place);

    Team own_;
    RowRange items_;
    int count_;
    std::int64_t rounds_;
};

}  // namespace alphaprune::parallel
