#include "alphaprune/schedule/thread_budget.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune {
namespace {

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

}  // namespace

int threads_of_rank(const std::vector<std::string>& masks, std::size_t rank,
                    std::optional<double> group_cores, const EnvironmentLookup& environment) {
    int cores = cores_of_all(masks);
    if (group_cores) {
        cores = std::min(cores, static_cast<int>(std::floor(*group_cores)));
    }
    int threads = std::min(cores / static_cast<int>(masks.size()), count_cores(masks[rank]));
    if (const auto granted = environment("SLURM_CPUS_PER_TASK")) {
        const int each = std::atoi(granted->c_str());
        threads = each > 0 ? std::min(threads, each) : threads;
    }
    return std::max(threads, 1);
}

int threads_of_each_rank(const Communicator& ranks, const EnvironmentLookup& environment) {
    const Communicator node = ranks.split_by_node();
    const int threads =
        threads_of_rank(node.all_gather_texts(usable_cores()),
                        static_cast<std::size_t>(node.rank()), cores_of_group(), environment);
    return ranks.min(supports_threads() ? threads : 1);
}

}  // namespace alphaprune
