#include "alphaprune/parallel/node_array.hpp"

#include <gtest/gtest.h>

#include <string>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/error.hpp"
#include "support/world.hpp"

namespace alphaprune {
namespace {

using test::world;

TEST(NodeArray, what_one_rank_writes_the_others_read) {
    const Communicator node = world().split_by_node();
    NodeArray<float> array(node, 1001);
    const RowRange mine = share_of(1001, node.size(), node.rank());
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
        array.values()[static_cast<std::size_t>(i)] = static_cast<float>(i);
    }
    array.sync();
    for (std::size_t i = 0; i < 1001; ++i) {
        ASSERT_EQ(array.values()[i], static_cast<float>(i));
    }
}

TEST(NodeArray, can_be_replaced_and_empty) {
    const Communicator node = world().split_by_node();
    NodeArray<float> array(node, 0);
    EXPECT_TRUE(array.values().empty());
    array = NodeArray<float>(node, 3);
    if (node.is_root()) {
        array.values()[2] = 5;
    }
    array.sync();
    EXPECT_EQ(array.values()[2], 5);
}

TEST(NodeArray, without_room_the_node_is_told_so) {
    const Communicator node = world().split_by_node();
    if (node.size() == 1) {
        GTEST_SKIP() << "one rank alone shares nothing";
    }
    constexpr std::int64_t kPetabyte = 1'000'000'000'000'000 / sizeof(double);
    try {
        const NodeArray<double> array(node, kPetabyte);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), ExitStatus::failed);
        EXPECT_NE(std::string(error.what()).find("--shm-size"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace alphaprune
