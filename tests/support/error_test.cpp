#include "alphaprune/support/error.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/stop.hpp"
#include "support/plain_errors.hpp"

namespace alphaprune::support {
namespace {

ExitStatus status_of_list(const FaultList& faults) {
    try {
        faults.throw_if_any();
    } catch (const Error& error) {
        return error.status();
    }
    return ExitStatus::done;
}

TEST(FaultList, OfFailuresAloneIsAFailure) {
    FaultList faults;
    EXPECT_EQ(status_of_list(faults), ExitStatus::done);
    faults.add(failure("the disk does not answer"));
    faults.add(failure("nor does the other"));
    EXPECT_EQ(status_of_list(faults), ExitStatus::failed);
    EXPECT_EQ(faults.faults().size(), 2U);
}

TEST(FaultList, HasTheMostSevereStatus) {
    FaultList first;
    first.add(failure("the disk does not answer"));
    first.add(bad_request("the request is wrong, too"));
    EXPECT_EQ(status_of_list(first), ExitStatus::bad_request);
    FaultList last;
    last.add(bad_request("the request is wrong"));
    last.add(failure("and the disk does not answer"));
    EXPECT_EQ(status_of_list(last), ExitStatus::bad_request);
    EXPECT_EQ(last.faults().size(), 2U);
}

TEST(FaultList, TellsOfAStopOnlyWhereNothingElseIsWrong) {
    FaultList stopped;
    stopped.add(stop_error());
    EXPECT_EQ(status_of_list(stopped), ExitStatus::stopped);
    stopped.add(failure("the disk does not answer"));
    stopped.add(stop_error());
    EXPECT_EQ(status_of_list(stopped), ExitStatus::failed);
    ASSERT_EQ(stopped.faults().size(), 1U);
    EXPECT_EQ(stopped.faults()[0].what, "the disk does not answer");
}

TEST(FirstError, KeepsTheFirstAndSkipsWhatFollows) {
    FirstError problem;
    int ran = 0;
    EXPECT_TRUE(problem.guard([&] { ++ran; }));
    EXPECT_FALSE(problem.get());
    EXPECT_FALSE(problem.guard([] { throw bad_request("first"); }));
    EXPECT_FALSE(problem.guard([&] { ++ran; }));
    EXPECT_FALSE(problem.guard([] { throw failure("second"); }));
    EXPECT_EQ(ran, 1);
    ASSERT_TRUE(problem.get());
    EXPECT_EQ(problem.get()->faults()[0].what, "first");
}

TEST(FirstError, TakesLackOfMemoryForAFailure) {
    FirstError problem;
    problem.guard([] { throw std::bad_alloc(); });
    ASSERT_TRUE(problem.get());
    EXPECT_EQ(problem.get()->status(), ExitStatus::failed);
}

}  // namespace
}  // namespace alphaprune::support
