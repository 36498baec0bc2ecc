// Without MPI: in this program nobody calls MPI_Init, and MPI ends who calls it before.
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/parallel/mailbox.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "support/plain_errors.hpp"

namespace alphaprune::parallel {
namespace {

void use_everything(const Communicator& self) {
    EXPECT_EQ(self.rank(), 0);
    EXPECT_EQ(self.size(), 1);
    self.barrier();
    std::vector<double> values{1, 2};
    self.all_reduce_sum(std::span(values));
    self.broadcast(std::span(values));
    EXPECT_EQ(values, (std::vector<double>{1, 2}));
    EXPECT_EQ(self.max(3), 3);
    EXPECT_EQ(self.sum_before(5), 0);
    EXPECT_EQ(self.broadcast_text("text"), "text");
    EXPECT_EQ(self.all_gather(7), std::vector<int>{7});
    EXPECT_EQ(self.all_gather_texts("text"), std::vector<std::string>{"text"});
    EXPECT_EQ(self.gather_texts("text"), std::vector<std::string>{"text"});
    EXPECT_EQ(self.split(0, 0).split_by_node().duplicate().size(), 1);
    EXPECT_EQ(run_collectively(self, [] { return 3; }), 3);
    EXPECT_THROW(run_collectively(self, [] { throw support::failure("no"); }), support::Error);
    EXPECT_EQ(view(native(self)).size(), 1);
}

TEST(Alone, EveryCollectiveDoesWithoutMpi) {
    use_everything(Communicator::alone());
}

TEST(Alone, SeveralThreadsMayCallThemAtOnce) {
    const Communicator self = Communicator::alone();
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                use_everything(self);
            }
        });
    }
}

TEST(Alone, WorkIsCounted) {
    WorkCounter counter(Communicator::alone(), 2);
    EXPECT_EQ(counter.next(0), 0);
    EXPECT_EQ(counter.next(0), 1);
    EXPECT_EQ(counter.next(1), 0);
    counter.item_done();
    counter.item_skipped();
    counter.raise_alarm();
    EXPECT_EQ(counter.items_done(), 1);
    EXPECT_EQ(counter.items_skipped(), 1);
    EXPECT_TRUE(counter.alarm());
}

TEST(Alone, LettersArrive) {
    std::int64_t arrived = 0;
    Mailbox mailbox(Communicator::alone(),
                    [&](std::int64_t subject, std::span<const double>) { arrived += subject; });
    mailbox.post(0, 5, {});
    mailbox.collect();
    mailbox.finish();
    EXPECT_EQ(arrived, 5);
}

TEST(Alone, ANodeOfOneHasItsArrays) {
    const Communicator self = Communicator::alone();
    NodeArray<float> array(self, 5);
    array.values()[4] = 2;
    array.sync();
    NodeArray<float> moved(std::move(array));
    EXPECT_EQ(moved.values()[4], 2);
    moved = NodeArray<float>(self, 0);
    EXPECT_TRUE(moved.values().empty());
    EXPECT_EQ(NodeMap(self).nodes(), 1);
}

TEST(Alone, ItIsWatchedAndMayHaveThreads) {
    { const JobWatch watch(Communicator::alone(), {}); }
    EXPECT_TRUE(supports_threads());
    int started = 1;
    MPI_Initialized(&started);
    EXPECT_EQ(started, 0);
}

TEST(Alone, EndingTheJobEndsTheProcess) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(Communicator::alone().abort(3), testing::ExitedWithCode(3), "");
    EXPECT_EXIT(
        {
            JobWatch watch(Communicator::alone(), {});
            watch.end_job("the cause\n", support::ExitStatus::failed);
        },
        testing::ExitedWithCode(1), "on rank 0 .*\n.*the cause");
}

}  // namespace
}  // namespace alphaprune::parallel
