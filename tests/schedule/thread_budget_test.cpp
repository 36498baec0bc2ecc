#include "alphaprune/schedule/thread_budget.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "alphaprune/support/machine.hpp"
#include "support/world.hpp"

namespace alphaprune {
namespace {

std::optional<std::string> nothing(const std::string&) {
    return std::nullopt;
}

TEST(ThreadBudget, RanksAndThreadsDoNotExceedTheCores) {
    const int threads = threads_of_each_rank(test::world(), nothing);
    const std::string mask = usable_cores();
    EXPECT_GE(threads, 1);
    EXPECT_LE(threads, std::max<std::int64_t>(1, std::ranges::count(mask, '1')));
    if (threads > 1) {
        EXPECT_LE(threads * test::world().size(), sysconf(_SC_NPROCESSORS_ONLN));
    }
}

EnvironmentLookup slurm(const std::string& cores) {
    return [cores](const std::string& name) {
        return name == "SLURM_CPUS_PER_TASK" ? std::optional<std::string>(cores) : std::nullopt;
    };
}

TEST(ThreadBudget, SlurmsShareIsTheLimit) {
    EXPECT_EQ(threads_of_each_rank(test::world(), slurm("1")), 1);
    const std::vector<std::string> alone{"11111111"};
    EXPECT_EQ(threads_of_rank(alone, 0, {}, slurm("3")), 3);
    EXPECT_EQ(threads_of_rank(alone, 0, {}, slurm("64")), 8);
    EXPECT_EQ(threads_of_rank(alone, 0, {}, slurm("none")), 8);
}

TEST(ThreadBudget, CoresAreSharedOut) {
    const std::vector<std::string> unbound(3, "11111111");
    EXPECT_EQ(threads_of_rank(unbound, 1, {}, nothing), 2);
    const std::vector<std::string> bound{"11110000", "00001111"};
    EXPECT_EQ(threads_of_rank(bound, 0, {}, nothing), 4);
    const std::vector<std::string> uneven{"1", "01111111"};
    EXPECT_EQ(threads_of_rank(uneven, 0, {}, nothing), 1);
    EXPECT_EQ(threads_of_rank(uneven, 1, {}, nothing), 4);
    const std::vector<std::string> crowded(5, "11");
    EXPECT_EQ(threads_of_rank(crowded, 4, {}, nothing), 1);
}

TEST(ThreadBudget, TheControlGroupIsALimit) {
    const std::vector<std::string> two(2, "11111111");
    EXPECT_EQ(threads_of_rank(two, 0, 5.5, nothing), 2);
    EXPECT_EQ(threads_of_rank(two, 0, 0.5, nothing), 1);
}

}  // namespace
}  // namespace alphaprune
