#include "blacs_grid.hpp"

#include <gtest/gtest.h>

#include <set>

#include "distributed_gram.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

TEST(NearSquareGrid, UsesMostRanksAndStaysNearSquare) {
    constexpr std::int64_t kLarge = 4096;
    EXPECT_EQ(near_square_grid(1, kLarge), (GridShape{1, 1}));
    EXPECT_EQ(near_square_grid(2, kLarge), (GridShape{1, 2}));
    EXPECT_EQ(near_square_grid(3, kLarge), (GridShape{1, 3}));
    EXPECT_EQ(near_square_grid(4, kLarge), (GridShape{2, 2}));
    EXPECT_EQ(near_square_grid(5, kLarge), (GridShape{2, 2}));
    EXPECT_EQ(near_square_grid(7, kLarge), (GridShape{2, 3}));
    EXPECT_EQ(near_square_grid(12, kLarge), (GridShape{3, 4}));
    EXPECT_EQ(near_square_grid(13, kLarge), (GridShape{3, 4}));
    EXPECT_EQ(near_square_grid(64, kLarge), (GridShape{8, 8}));
    for (int ranks = 1; ranks <= 600; ++ranks) {
        const GridShape grid = near_square_grid(ranks, kLarge);
        EXPECT_LE(grid.ranks(), ranks);
        EXPECT_GE(grid.ranks(), ranks * 4 / 5) << ranks;
        EXPECT_LE(grid.rows, grid.cols);
        EXPECT_LE(grid.cols, 3 * grid.rows);
    }
}

TEST(NearSquareGrid, LeavesNoRankWithoutAShareOfASmallMatrix) {
    for (int ranks = 1; ranks <= 40; ++ranks) {
        for (std::int64_t order = 1; order <= 200; ++order) {
            const GridShape grid = near_square_grid(ranks, order);
            const std::int64_t block = block_size(order, grid);
            for (int part = 0; part < grid.cols; ++part) {
                ASSERT_GT((CyclicDimension{order, block, grid.cols, part}.local_size()), 0)
                    << ranks << " ranks, order " << order;
            }
        }
    }
}

TEST(BlacsGrid, GivesEachRankAPlaceOfItsOwn) {
    const GridShape shape = near_square_grid(world().size(), 1000);
    const BlacsGrid grid(world(), shape);
    EXPECT_EQ(grid.member(), world().rank() < shape.ranks());
    const std::vector<int> rows = world().all_gather(grid.row());
    const std::vector<int> cols = world().all_gather(grid.col());
    std::set<std::pair<int, int>> places;
    for (int rank = 0; rank < shape.ranks(); ++rank) {
        EXPECT_LT(rows[rank], shape.rows);
        EXPECT_LT(cols[rank], shape.cols);
        places.emplace(rows[rank], cols[rank]);
    }
    EXPECT_EQ(static_cast<int>(places.size()), shape.ranks());
}

TEST(BlacsGrid, CanBeMadeByOneGroupWhileTheOthersDoNot) {
    const parallel::Communicator group = world().split(world().rank() % 2, world().rank());
    if (world().rank() % 2 == 0) {
        for (int again = 0; again < 20; ++again) {
            const BlacsGrid grid(group, near_square_grid(group.size(), 64));
            EXPECT_EQ(grid.member(), group.rank() < grid.shape().ranks());
        }
    }
    world().barrier();
}

}  // namespace
}  // namespace alphaprune::linalg
