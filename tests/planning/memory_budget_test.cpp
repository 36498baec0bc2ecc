#include "alphaprune/planning/rank_budget.hpp"

#include <gtest/gtest.h>

#include <map>

namespace alphaprune::planning {
namespace {

std::optional<std::uint64_t> granted(std::map<std::string, std::string> variables) {
    return slurm_memory_of_node([&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(MemoryBudget, SlurmGrantsByNodeOrByCore) {
    constexpr std::uint64_t kMiB = 1U << 20;
    EXPECT_EQ(granted({}), std::nullopt);
    EXPECT_EQ(granted({{"SLURM_MEM_PER_NODE", "64000"}}), 64000 * kMiB);
    EXPECT_EQ(granted({{"SLURM_MEM_PER_CPU", "2000"}, {"SLURM_CPUS_ON_NODE", "16"}}), 32000 * kMiB);
    EXPECT_EQ(granted({{"SLURM_MEM_PER_CPU", "2000"}}), std::nullopt);
    EXPECT_EQ(granted({{"SLURM_MEM_PER_NODE", "100"},
                       {"SLURM_MEM_PER_CPU", "2000"},
                       {"SLURM_CPUS_ON_NODE", "16"}}),
              100 * kMiB);
}

TEST(MemoryBudget, AllOfTheNodeAndNonsenseGrantNothing) {
    for (const char* text : {"0", "", "-5", "12G", "much"}) {
        EXPECT_EQ(granted({{"SLURM_MEM_PER_NODE", text}}), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace alphaprune::planning
