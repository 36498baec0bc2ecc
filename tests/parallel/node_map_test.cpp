#include "alphaprune/parallel/node.hpp"

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(NodeMap, OneMachineIsOneNode) {
    const NodeMap map(world());
    EXPECT_EQ(map.nodes(), 1);
    EXPECT_EQ(map.node().size(), world().size());
}

TEST(NodeMap, LeadersOfAllNodesHearWhatOneNodeHolds) {
    // Even ranks are one "node", odd ranks the other: not contiguous, of unequal size.
    const NodeMap map(world(), world().split(world().rank() % 2, world().rank()));
    EXPECT_EQ(map.nodes(), std::min(2, world().size()));
    for (int rank = 0; rank < world().size(); ++rank) {
        const bool mine = rank % 2 == world().rank() % 2;
        std::vector<float> values(3, mine ? static_cast<float>(rank) : -1.0F);
        map.broadcast_from_node_of(rank, values);
        if (map.node().is_root()) {
            EXPECT_EQ(values, std::vector<float>(3, static_cast<float>(rank)));
        }
    }
}

}  // namespace
}  // namespace alphaprune::parallel
