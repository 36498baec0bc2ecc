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

TEST(NodeMap, SumsOverNodesWhatTheirLeadersHold) {
    constexpr std::size_t kMany = (std::size_t{1} << 20) + 3;  // more than are summed at a time
    for (const int ranks_of_node : {1, 2, world().size()}) {
        const int own = world().rank() / ranks_of_node;
        const NodeMap map(world(), world().split(own, world().rank()));
        std::vector<double> values(kMany);
        for (std::size_t i = 0; i < kMany; ++i) {
            values[i] = static_cast<double>(own + 1) * static_cast<double>(i % 1000);
        }
        const std::vector<double> before = values;
        map.sum_over_nodes(values);
        if (!map.node().is_root()) {
            EXPECT_EQ(values, before) << "others take no part";
            continue;
        }
        const int nodes = map.nodes();
        for (std::size_t i = 0; i < kMany; ++i) {
            ASSERT_EQ(values[i], nodes * (nodes + 1) / 2 * static_cast<double>(i % 1000));
        }
    }
}

}  // namespace
}  // namespace alphaprune::parallel
