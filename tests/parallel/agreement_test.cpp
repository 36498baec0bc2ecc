#include "alphaprune/parallel/agreement.hpp"

#include <gtest/gtest.h>

#include "support/plain_errors.hpp"
#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(Agreement, NothingHappensWhenAllIsWell) {
    EXPECT_EQ(run_collectively(world(), [] { return 7; }), 7);
    EXPECT_NO_THROW(run_collectively(world(), [] {}));
}

TEST(Agreement, OneRankSErrorReachesAllRanks) {
    const int guilty = world().size() - 1;
    try {
        run_collectively(world(), [&] {
            if (world().rank() == guilty) {
                throw support::failure("the disk is gone", "somewhere", "buy another");
            }
        });
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        ASSERT_EQ(error.faults().size(), 1U);
        EXPECT_EQ(error.faults()[0],
                  (support::Fault{"the disk is gone", "somewhere", "buy another"}));
    }
}

TEST(Agreement, DifferentFaultsAreAllToldOnce) {
    try {
        run_collectively(world(), [&]() -> int {
            support::FaultList faults;
            faults.add(support::bad_request("seen by all"));
            faults.add(support::bad_request("seen by rank " + std::to_string(world().rank())));
            faults.throw_if_any();
            return 0;
        });
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        EXPECT_EQ(error.faults().size(), static_cast<std::size_t>(world().size()) + 1);
        EXPECT_EQ(error.faults().back().what, "seen by rank " + std::to_string(world().size() - 1));
    }
}

/// Names out of files may hold any byte.
TEST(Agreement, FaultsMaySayAnything) {
    const std::string odd(
        "a\x1f"
        "b\0c\nd\x1f",
        8);
    const std::string all_bytes = [] {
        std::string text;
        for (int byte = 0; byte < 256; ++byte) {
            text += static_cast<char>(byte);
        }
        return text;
    }();
    for (const std::string& text : {odd, all_bytes, std::string("\x1f"), std::string()}) {
        try {
            run_collectively(world(), [&] {
                if (world().is_root()) {
                    throw support::bad_request(text, text + "2", text + "3");
                }
            });
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            ASSERT_EQ(error.faults().size(), 1U);
            EXPECT_EQ(error.faults()[0], (support::Fault{text, text + "2", text + "3"}));
        }
    }
}

TEST(Agreement, TheGravestStatusCounts) {
    const auto status_of = [](const support::Error& mine, const support::Error& other) {
        try {
            run_collectively(world(), [&] { throw world().rank() == 0 ? mine : other; });
        } catch (const support::Error& error) {
            return error.status();
        }
        return support::ExitStatus::done;
    };
    const bool alone = world().size() == 1;
    EXPECT_EQ(status_of(support::failure("f"), support::failure("f")), support::ExitStatus::failed);
    EXPECT_EQ(status_of(support::failure("f"), support::bad_request("b")),
              alone ? support::ExitStatus::failed : support::ExitStatus::bad_request);
    EXPECT_EQ(status_of(support::bad_request("b"), support::failure("f")),
              support::ExitStatus::bad_request);
}

TEST(Agreement, WhatRank0ReadsReachesAll) {
    EXPECT_EQ(text_from_root(world(), [] { return std::string("read once"); }), "read once");
    EXPECT_THROW(text_from_root(
                     world(), []() -> std::string { throw support::bad_request("no such file"); }),
                 support::Error);
}

}  // namespace
}  // namespace alphaprune::parallel
