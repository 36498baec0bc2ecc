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

TEST(ThreadBudget, SlurmsShareIsTheLimit) {
    const auto one = [](const std::string& name) -> std::optional<std::string> {
        return name == "SLURM_CPUS_PER_TASK" ? std::optional<std::string>("1") : std::nullopt;
    };
    EXPECT_EQ(threads_of_each_rank(test::world(), one), 1);
}

}  // namespace
}  // namespace alphaprune
