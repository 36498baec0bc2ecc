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

int threads_of_each_rank(const Communicator& ranks, const EnvironmentLookup& environment) {
    const Communicator node = ranks.split_by_node();
    const std::string mine = usable_cores();
    int cores = cores_of_all(node.all_gather_texts(mine));
    if (const auto quota = cores_of_group()) {
        cores = std::min(cores, static_cast<int>(std::floor(*quota)));
    }
    int threads = std::min(cores / node.size(), count_cores(mine));
    if (const auto granted = environment("SLURM_CPUS_PER_TASK")) {
        const int each = std::atoi(granted->c_str());
        threads = each > 0 ? std::min(threads, each) : threads;
    }
    return ranks.min(supports_threads() ? std::max(threads, 1) : 1);
}

}  // namespace alphaprune
