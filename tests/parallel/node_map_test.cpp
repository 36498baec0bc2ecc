#include "alphaprune/parallel/node.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

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
    Communicator::Parts parts;
    std::vector<std::byte> expected;
    for (int node = 0; node < map.nodes(); ++node) {
        parts.add(3 - 2 * node);  // three bytes of the first, one of the second
        expected.resize(static_cast<std::size_t>(parts.total), std::byte(7 + node));
    }
    const auto own = static_cast<std::size_t>(map.node_of(world().rank()));
    std::vector<std::byte> bytes(expected.size());
    std::fill_n(bytes.begin() + parts.starts[own], parts.counts[own], std::byte(7 + own));
    const std::vector<std::byte> before = bytes;
    map.gather_over_nodes(bytes, parts);
    EXPECT_EQ(bytes, map.node().is_root() ? expected : before);
}

TEST(NodeMap, SumsOverNodesLineByLine) {
    constexpr std::size_t kMany = 1003;
    for (const int ranks_of_node : {1, 2, world().size()}) {
        const int own = world().rank() / ranks_of_node;
        const NodeMap map(world(), world().split(own, world().rank()));
        // The last node may have fewer ranks than the others: as many lines as it has.
        const int left = world().size() % ranks_of_node;
        EXPECT_EQ(map.lines(), left > 0 ? left : ranks_of_node);
        if (map.node().rank() >= map.lines()) {
            continue;
        }
        const auto line = static_cast<double>(map.node().rank());
        std::vector<double> values(kMany);
        for (std::size_t i = 0; i < kMany; ++i) {
            values[i] = static_cast<double>(own + 1) * (static_cast<double>(i) + line);
        }
        map.sum_over_nodes(values);
        const int nodes = map.nodes();
        for (std::size_t i = 0; i < kMany; ++i) {
            ASSERT_EQ(values[i], nodes * (nodes + 1) / 2 * (static_cast<double>(i) + line));
        }
    }
}

}  // namespace
}  // namespace alphaprune::parallel
