#include "alphaprune/planning/rank_budget.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/number.hpp"

namespace alphaprune::planning {
namespace {

constexpr int kNoLimit = std::numeric_limits<int>::max();

/// A whole number greater than 0.
std::optional<std::uint64_t> number_in(const support::EnvironmentLookup& environment,
                                       const std::string& variable) {
    const auto number = support::number_in<std::uint64_t>(environment(variable).value_or(""));
    return number && *number > 0 ? number : std::nullopt;
}

int count_cores(const std::string& mask) {
    return static_cast<int>(std::ranges::count(mask, '1'));
}

/// Cores that any of the ranks may use.
int cores_of_all(const std::vector<std::string>& masks) {
    std::string all;
    for (const std::string& mask : masks) {
        all.resize(std::max(all.size(), mask.size()), '0');
        for (std::size_t core = 0; core < mask.size(); ++core) {
            all[core] = mask[core] == '1' ? '1' : all[core];
        }
    }
    return count_cores(all);
}

int number_of(const std::optional<std::string>& text) {
    const int number = text ? std::atoi(text->c_str()) : 0;
    return number > 0 ? number : kNoLimit;
}

/// "node1.cluster" and "node1" are one host.
std::string_view short_name(std::string_view host) {
    return host.substr(0, host.find('.'));
}

/// Slots of a host in LSB_MCPU_HOSTS: "node1 16 node2 16".
int lsf_slots(const support::EnvironmentLookup& environment, std::string_view host) {
    if (environment("LSB_AFFINITY_HOSTFILE")) {
        return kNoLimit;  // a slot has several cores: those that LSF binds it to
    }
    std::istringstream hosts(environment("LSB_MCPU_HOSTS").value_or(""));
    std::string name;
    for (int slots = 0; hosts >> name >> slots;) {
        if (short_name(name) == short_name(host)) {
            return std::max(slots, 1);
        }
    }
    return kNoLimit;
}

}  // namespace

std::optional<std::uint64_t> slurm_memory_of_node(const support::EnvironmentLookup& environment) {
    constexpr std::uint64_t kMiB = 1U << 20;
    if (const auto of_node = number_in(environment, "SLURM_MEM_PER_NODE")) {
        return *of_node * kMiB;
    }
    const auto of_core = number_in(environment, "SLURM_MEM_PER_CPU");
    const auto cores = number_in(environment, "SLURM_CPUS_ON_NODE");
    return of_core && cores ? std::optional(*of_core * *cores * kMiB) : std::nullopt;
}

std::uint64_t memory_of_each_rank(const parallel::Communicator& ranks,
                                  const support::EnvironmentLookup& environment) {
    const auto neighbours = static_cast<std::uint64_t>(ranks.split_by_node().size());
    ranks.barrier();  // no rank allocates before all have looked
    std::uint64_t left = support::available_memory();
    if (const auto granted = slurm_memory_of_node(environment)) {
        left = std::min(left, *granted);
    }
    left /= neighbours;
    return ranks.min(std::min(left, support::address_space_left().value_or(left)));
}

GrantedCores granted_cores(const support::EnvironmentLookup& environment, std::string_view host) {
    GrantedCores granted;
    granted.of_rank = number_of(environment("SLURM_CPUS_PER_TASK"));
    if (environment("PBS_JOBID")) {
        granted.of_rank = std::min(granted.of_rank, number_of(environment("NCPUS")));
        granted.of_node = number_of(environment("PBS_NUM_PPN"));
    }
    granted.of_node = std::min(granted.of_node, lsf_slots(environment, host));
    return granted;
}

int threads_of_rank(const std::vector<std::string>& masks, std::size_t rank,
                    std::optional<double> group_cores, const GrantedCores& granted) {
    int cores = std::min(cores_of_all(masks), granted.of_node);
    if (group_cores) {
        cores = std::min(cores, static_cast<int>(std::floor(*group_cores)));
    }
    int threads = std::min(cores / static_cast<int>(masks.size()), count_cores(masks[rank]));
    return std::max(std::min(threads, granted.of_rank), 1);
}

int threads_of_each_rank(const parallel::Communicator& ranks,
                         const support::EnvironmentLookup& environment) {
    const parallel::Communicator node = ranks.split_by_node();
    const int threads = threads_of_rank(
        node.all_gather_texts(support::usable_cores()), static_cast<std::size_t>(node.rank()),
        support::limits_of_groups().cores, granted_cores(environment, support::host_name()));
    return ranks.min(parallel::supports_threads() ? threads : 1);
}

}  // namespace alphaprune::planning
