#include "simulated_ranks.hpp"

#include <algorithm>

namespace alphaprune::planning {

SimulatedRanks::SimulatedRanks(int ranks, int ranks_per_node)
    : ranks_per_node_(ranks_per_node), free_at_(static_cast<std::size_t>(ranks)) {}

void SimulatedRanks::restart() {
    std::ranges::fill(free_at_, 0.0);
    busy_ = 0;
}

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

void SimulatedRanks::set_free(const Group& group, int group_ranks) {
    std::fill_n(free_at_.begin() + group.first_rank, group_ranks, group.ready);
}

void SimulatedRanks::work_off(int group_ranks, std::span<const double> seconds) {
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
        set_free(group, group_ranks);
    }
}

double SimulatedRanks::makespan() const {
    return *std::ranges::max_element(free_at_);
}

}  // namespace alphaprune::planning
