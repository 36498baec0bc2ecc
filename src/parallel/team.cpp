#include "alphaprune/parallel/team.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::parallel {
namespace {

/// Of the node's ranks, in their order, teams of equal size as far as that goes.
int team_of(int node_ranks, int teams, int rank) {
    int team = 0;
    while (rank >= share_of(node_ranks, teams, team).end) {
        ++team;
    }
    return team;
}

}  // namespace

void Team::share(std::int64_t count, const std::function<void(std::int64_t, int)>& work) const {
    if (ranks_.size() == 1) {
        threads_->run(count, work);
        return;
    }
    const std::int64_t size = ranks_.size();
    const std::int64_t first = ranks_.rank();
    const std::int64_t own = first < count ? (count - first + size - 1) / size : 0;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    work_collectively(ranks_, *clock_, [&] {
        threads_->run(own,
                      [&](std::int64_t item, int thread) { work(first + item * size, thread); });
        std::atomic_thread_fence(std::memory_order_seq_cst);
    });
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Team::share_slices(std::int64_t size, std::int64_t slice,
                        const std::function<void(RowRange)>& work) const {
    share((size + slice - 1) / slice, [&](std::int64_t item, int) {
        work({item * slice, std::min((item + 1) * slice, size)});
    });
}

void Team::sync() const {
    if (ranks_.size() > 1) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const WorkClock::Scope waiting = clock_->during(Work::wait);
        ranks_.barrier();
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
}

double loss_of_sharing(int workers) {
    constexpr double kLoss = 0.04;  // each time that they double
    return 1 + kLoss * std::log2(static_cast<double>(workers));
}

std::vector<int> teams_of_nodes(std::span<const int> node_ranks, std::int64_t items) {
    const int largest = std::ranges::max(node_ranks);
    std::vector<int> best;
    double least = std::numeric_limits<double>::infinity();
    for (int size = 1; size <= largest; ++size) {
        std::vector<int> teams;
        int count = 0;
        int smallest = largest;
        for (const int ranks : node_ranks) {
            teams.push_back(std::max(ranks / size, 1));
            count += teams.back();
            smallest = std::min(smallest, ranks / teams.back());
        }
        const auto rounds = static_cast<double>((items + count - 1) / count);
        const double time = rounds * loss_of_sharing(smallest) / smallest;
        if (time < least) {
            least = time;
            best = std::move(teams);
        }
    }
    return best;
}

Teams::Place Teams::place_of(const Communicator& ranks, const NodeMap& nodes, std::int64_t items,
                             TeamSize size) {
    std::vector<int> node_ranks(static_cast<std::size_t>(nodes.nodes()));
    for (int rank = 0; rank < ranks.size(); ++rank) {
        ++node_ranks[static_cast<std::size_t>(nodes.node_of(rank))];
    }
    const std::vector<int> teams =
        size == TeamSize::one ? node_ranks : teams_of_nodes(node_ranks, items);
    // Teams in the order of their first ranks.
    std::vector<int> seen(node_ranks.size());
    Place place;
    for (int rank = 0; rank < ranks.size(); ++rank) {
        const auto node = static_cast<std::size_t>(nodes.node_of(rank));
        const int on_node = seen[node]++;
        const int team = team_of(node_ranks[node], teams[node], on_node);
        const bool opens = share_of(node_ranks[node], teams[node], team).begin == on_node;
        const bool is_own = nodes.node_of(ranks.rank()) == nodes.node_of(rank) &&
                            team == team_of(node_ranks[node], teams[node], nodes.node().rank());
        if (opens && is_own) {
            place.team_of_node = team;
            place.number = place.count;
        }
        place.count += opens ? 1 : 0;
    }
    return place;
}

Teams::Teams(const Communicator& ranks, const NodeMap& nodes, std::int64_t items, TeamSize size)
    : Teams(nodes, items, place_of(ranks, nodes, items, size)) {}

Teams::Teams(const NodeMap& nodes, std::int64_t items, const Place& place)
    : own_(nodes.node().split(place.team_of_node, nodes.node().rank()), nodes.threads(),
           nodes.shared_clock()),
      items_(share_of(items, place.count, place.number)),
      count_(place.count),
      rounds_(share_of(items, place.count, 0).size()) {}

}  // namespace alphaprune::parallel
