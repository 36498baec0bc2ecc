#include <gtest/gtest.h>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/support/clock.hpp"
#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::run_with;

TEST(LimitOptions, HaveDefaults) {
    const Options options = parse_options(run_with({}), {});
    EXPECT_FALSE(options.resume);
    EXPECT_FALSE(options.max_seconds);
    EXPECT_EQ(options.peer_timeout, 20);
}

TEST(LimitOptions, AreUnderstood) {
    const Options options = parse_options(
        run_with({"--resume", "--max-time", "1-02:03:04", "--peer-timeout", "7.5"}), {});
    EXPECT_TRUE(options.resume);
    EXPECT_EQ(options.max_seconds, 86400 + 2 * 3600 + 3 * 60 + 4);
    EXPECT_EQ(options.peer_timeout, 7.5);
    EXPECT_EQ(parse_options(run_with({}), {"ALPHAPRUNE_MAX_TIME=00:30:00"}).max_seconds, 1800);
}

TEST(LimitOptions, AreRefusedWhenTheyMakeNoSense) {
    expect_faults(run_with({"--resume", "--overwrite"}), {"contradict each other"});
    expect_faults(run_with({"--max-time", "90"}), {"is not a length of time"});
    expect_faults(run_with({"--max-time", "00:00:00"}), {"is not a length of time"});
    expect_faults(run_with({"--max-time", ""}), {"is not a length of time"});
    expect_faults(run_with({"--peer-timeout", "0.5"}), {"is not at least 1"});
    expect_faults(run_with({"--peer-timeout", "-3"}), {"is not at least 1"});
    expect_faults({"verify", "DIR", "--resume"}, {"--resume has no meaning"});
}

TEST(Duration, IsWrittenAsSlurmDoes) {
    EXPECT_EQ(support::seconds_of("00:00:01"), 1);
    EXPECT_EQ(support::seconds_of("100:00:00"), 360000);
    EXPECT_EQ(support::seconds_of("4:05"), 245);
    EXPECT_EQ(support::seconds_of("2-00:00:00"), 172800);
    for (const char* other :
         {"", "5", ":", "1:", ":1", "1:2:3:4", "a:b:c", "1-5", "1-2:3", "-1:00", "00:-1:00",
          "+1:00:00", "1 :00", "UNLIMITED", "INVALID", "9999999999:00:00", "-", "1-", "0x1:00"}) {
        EXPECT_FALSE(support::seconds_of(other)) << other;
    }
}

}  // namespace
}  // namespace alphaprune::cli
