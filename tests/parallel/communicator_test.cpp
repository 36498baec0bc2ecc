#include "alphaprune/parallel/communicator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(Communicator, ReducesOverAllRanks) {
    const int size = world().size();
    std::vector<std::int64_t> values{world().rank(), 1, -world().rank()};
    world().all_reduce_sum(std::span(values));
    EXPECT_EQ(values,
              (std::vector<std::int64_t>{size * (size - 1) / 2, size, -size * (size - 1) / 2}));
    EXPECT_EQ(world().max(world().rank()), size - 1);
    EXPECT_EQ(world().min(world().rank() + 5), 5);
    EXPECT_EQ(world().any(world().rank() == size - 1), true);
    EXPECT_EQ(world().any(false), false);
}

TEST(Communicator, SumsTheRanksBefore) {
    EXPECT_EQ(world().sum_before(10), 10 * world().rank());
}

TEST(Communicator, BroadcastsTextOfAnyLength) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
        const int root = world().size() - 1;
        const std::string text =
            world().rank() == root ? std::string(length, 'x') : std::string("something else");
        EXPECT_EQ(world().broadcast_text(text, root), std::string(length, 'x'));
    }
}

TEST(Communicator, GathersTextsInRankOrder) {
    const std::string mine(static_cast<std::size_t>(world().rank()), 'a');  // rank 0: empty
    const std::vector<std::string> all = world().all_gather_texts(mine);
    for (int rank = 0; rank < world().size(); ++rank) {
        EXPECT_EQ(all.at(static_cast<std::size_t>(rank)).size(), static_cast<std::size_t>(rank));
    }
    EXPECT_EQ(world().gather_texts(mine), world().is_root() ? all : std::vector<std::string>{});
}

TEST(Communicator, SplitsIntoOwnedGroups) {
    const Communicator pairs = world().split(world().rank() / 2, world().rank());
    EXPECT_EQ(pairs.rank(), world().rank() % 2);
    EXPECT_LE(pairs.size(), 2);
    EXPECT_EQ(pairs.sum(1), pairs.size());

    Communicator moved = world().duplicate();
    moved = world().split(0, -world().rank());
    EXPECT_EQ(moved.rank(), world().size() - 1 - world().rank());
}

TEST(Communicator, KnowsTheRanksOfItsNode) {
    EXPECT_EQ(world().split_by_node().size(), world().size());  // the tests run on one machine
}

}  // namespace
}  // namespace alphaprune::parallel
