#include "alphaprune/parallel/node.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/error.hpp"
#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(NodeArray, WhatOneRankWritesTheOthersRead) {
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

TEST(NodeArray, CanBeReplacedAndEmpty) {
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

TEST(NodeArray, WithoutRoomTheNodeIsToldSo) {
    const Communicator node = world().split_by_node();
    if (node.size() == 1) {
        GTEST_SKIP() << "one rank alone shares nothing";
    }
    constexpr std::int64_t kPetabyte = 1'000'000'000'000'000 / sizeof(double);
    try {
        const NodeArray<double> array(node, kPetabyte);
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        EXPECT_NE(std::string(error.what()).find("--shm-size"), std::string::npos) << error.what();
    }
}

/// A folder in memory that has room for little, where small_shared_memory.sh made one.
std::optional<std::filesystem::path> small_folder() {
    constexpr std::uintmax_t kSmall = std::uintmax_t{64} << 20;
    const char* const folder = std::getenv("OMPI_MCA_osc_sm_backing_directory");
    std::error_code unknown;
    if (folder == nullptr || std::filesystem::space(folder, unknown).capacity > kSmall || unknown) {
        return std::nullopt;
    }
    return folder;
}

void expect_no_room(const auto& action) {
    try {
        action();
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        EXPECT_NE(std::string(error.what()).find("of shared memory"), std::string::npos)
            << error.what();
    }
}

TEST(NodeArraySmallFolder, AnArrayHasItsMemoryBeforeItIsUsed) {
    const auto folder = small_folder();
    const Communicator node = world().split_by_node();
    if (!folder || node.size() == 1) {
        GTEST_SKIP() << "needs two ranks and a small folder for shared memory";
    }
    std::uint64_t room = std::filesystem::space(*folder).available;
    node.broadcast(std::span(&room, 1));
    const auto most_of_it = static_cast<std::int64_t>(room * 3 / 4 / sizeof(double));
    std::optional<NodeArray<double>> first(std::in_place, node, most_of_it);
    expect_no_room([&] { const NodeArray<double> second(node, most_of_it); });
    std::ranges::fill(first->values(), 1.0);  // would end in SIGBUS
    first.reset();
    NodeArray<double> third(node, most_of_it);
    EXPECT_EQ(third.values().back(), 0.0);
    third.sync();  // nobody writes before all have looked
    std::ranges::fill(third.values(), 1.0);
}

TEST(NodeArraySmallFolder, MemoryThatOthersTakeInBetweenIsMissedInWords) {
    const auto folder = small_folder();
    if (!folder) {
        GTEST_SKIP() << "needs a small folder for shared memory";
    }
    const Communicator node = world().split_by_node();
    const std::size_t bytes = std::filesystem::space(*folder).capacity * 2;
    const std::filesystem::path path = *folder / "promised";
    if (node.is_root()) {
        std::ofstream(path).close();
        std::filesystem::resize_file(path, bytes);
    }
    node.barrier();
    const int file = open(path.c_str(), O_RDWR);
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASSERT_NE(memory, MAP_FAILED);
    expect_no_room(
        [&] { reserve_shared_memory(node, std::span(static_cast<std::byte*>(memory), bytes)); });
    munmap(memory, bytes);
    close(file);
    node.barrier();
    if (node.is_root()) {
        std::filesystem::remove(path);
    }
    node.barrier();
}

}  // namespace
}  // namespace alphaprune::parallel
