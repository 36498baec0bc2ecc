#include "alphaprune/parallel/agreement.hpp"

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace alphaprune {
namespace {

using test::world;

TEST(Agreement, nothing_happens_when_all_is_well) {
    EXPECT_EQ(together(world(), [] { return 7; }), 7);
    EXPECT_NO_THROW(together(world(), [] {}));
}

TEST(Agreement, one_rank_s_error_reaches_all_ranks) {
    const int guilty = world().size() - 1;
    try {
        together(world(), [&] {
            if (world().rank() == guilty) {
                throw failure("the disk is gone", "somewhere", "buy another");
            }
        });
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.status(), ExitStatus::failed);
        ASSERT_EQ(error.faults().size(), 1U);
        EXPECT_EQ(error.faults()[0], (Fault{"the disk is gone", "somewhere", "buy another"}));
    }
}

TEST(Agreement, different_faults_are_all_told_once) {
    try {
        together(world(), [&]() -> int {
            FaultList faults;
            faults.add("seen by all");
            faults.add("seen by rank " + std::to_string(world().rank()));
            faults.throw_if_any();
            return 0;
        });
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), ExitStatus::bad_request);
        EXPECT_EQ(error.faults().size(), static_cast<std::size_t>(world().size()) + 1);
        EXPECT_EQ(error.faults().back().what, "seen by rank " + std::to_string(world().size() - 1));
    }
}

TEST(Agreement, what_rank_0_reads_reaches_all) {
    EXPECT_EQ(from_root(world(), [] { return std::string("read once"); }), "read once");
    EXPECT_THROW(from_root(world(), []() -> std::string { throw bad_request("no such file"); }),
                 Error);
}

}  // namespace
}  // namespace alphaprune
