#include "alphaprune/planning/rank_budget.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>

#include "alphaprune/support/machine.hpp"
#include "support/world.hpp"

namespace alphaprune::planning {
namespace {

std::optional<std::string> nothing(const std::string&) {
    return std::nullopt;
}

TEST(ThreadBudget, RanksAndThreadsDoNotExceedTheCores) {
    const int threads = threads_of_each_rank(test::world(), nothing);
    const std::string mask = support::usable_cores();
    EXPECT_GE(threads, 1);
    EXPECT_LE(threads, std::max<std::int64_t>(1, std::ranges::count(mask, '1')));
    if (threads > 1) {
        EXPECT_LE(threads * test::world().size(), sysconf(_SC_NPROCESSORS_ONLN));
    }
}

GrantedCores granted(const std::map<std::string, std::string>& variables,
                     std::string_view host = "node2.cluster") {
    return granted_cores(
        [&](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        host);
}

TEST(ThreadBudget, SlurmsShareIsTheLimit) {
    const auto one = [](const std::string& name) {
        return name == "SLURM_CPUS_PER_TASK" ? std::optional<std::string>("1") : std::nullopt;
    };
    EXPECT_EQ(threads_of_each_rank(test::world(), one), 1);
    const std::vector<std::string> alone{"11111111"};
    EXPECT_EQ(threads_of_rank(alone, 0, {}, granted({{"SLURM_CPUS_PER_TASK", "3"}})), 3);
    EXPECT_EQ(threads_of_rank(alone, 0, {}, granted({{"SLURM_CPUS_PER_TASK", "64"}})), 8);
    EXPECT_EQ(threads_of_rank(alone, 0, {}, granted({{"SLURM_CPUS_PER_TASK", "none"}})), 8);
}

TEST(ThreadBudget, PbsGrantsThreadsOfAProcessOrCoresOfANode) {
    const std::vector<std::string> two(2, "11111111");
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"PBS_JOBID", "7.pbs"}, {"NCPUS", "3"}})), 3);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"PBS_JOBID", "7.pbs"}, {"NCPUS", "64"}})), 4);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"NCPUS", "3"}})), 4) << "outside of a job";
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"PBS_JOBID", "7"}, {"PBS_NUM_PPN", "4"}})), 2);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"PBS_JOBID", "7"}, {"PBS_NUM_PPN", "1"}})), 1);
}

TEST(ThreadBudget, LsfGrantsTheSlotsOfAHost) {
    const std::vector<std::string> two(2, "11111111");
    const std::string hosts = "node1 2 node2 6 node3 2";
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"LSB_MCPU_HOSTS", hosts}})), 3);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"LSB_MCPU_HOSTS", hosts}}, "node1")), 1);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"LSB_MCPU_HOSTS", hosts}}, "node22")), 4);
    EXPECT_EQ(threads_of_rank(two, 0, {},
                              granted({{"LSB_MCPU_HOSTS", "node2 2"},
                                       {"LSB_AFFINITY_HOSTFILE", "/lsf/affinity"}})),
              4);
    EXPECT_EQ(threads_of_rank(two, 0, {}, granted({{"LSB_MCPU_HOSTS", "node2"}})), 4);
}

TEST(ThreadBudget, CoresAreSharedOut) {
    const std::vector<std::string> unbound(3, "11111111");
    EXPECT_EQ(threads_of_rank(unbound, 1, {}, {}), 2);
    const std::vector<std::string> bound{"11110000", "00001111"};
    EXPECT_EQ(threads_of_rank(bound, 0, {}, {}), 4);
    const std::vector<std::string> uneven{"1", "01111111"};
    EXPECT_EQ(threads_of_rank(uneven, 0, {}, {}), 1);
    EXPECT_EQ(threads_of_rank(uneven, 1, {}, {}), 4);
    const std::vector<std::string> crowded(5, "11");
    EXPECT_EQ(threads_of_rank(crowded, 4, {}, {}), 1);
}

TEST(ThreadBudget, TheControlGroupIsALimit) {
    const std::vector<std::string> two(2, "11111111");
    EXPECT_EQ(threads_of_rank(two, 0, 5.5, {}), 2);
    EXPECT_EQ(threads_of_rank(two, 0, 0.5, {}), 1);
}

}  // namespace
}  // namespace alphaprune::planning
