#include "alphaprune/device/choose_card.hpp"

#include <gtest/gtest.h>

namespace alphaprune::device {
namespace {

using Lists = std::vector<std::vector<std::string>>;
using Shares = std::vector<std::optional<std::size_t>>;

Shares shares_of(const Lists& visible) {
    return share_out_cards(visible);
}

TEST(ShareOutCards, ARankEachWhereAllSeeAllCards) {
    EXPECT_EQ(shares_of({{"a", "b"}, {"a", "b"}}), (Shares{0, 1}));
}

TEST(ShareOutCards, RanksBeyondTheCardsHaveNone) {
    EXPECT_EQ(shares_of({{"a"}, {"a"}, {"a"}}), (Shares{0, std::nullopt, std::nullopt}));
}

TEST(ShareOutCards, ACardOfItsOwnThatSlurmGaveToEachRankHasIndexZero) {
    EXPECT_EQ(shares_of({{"a"}, {"b"}, {"c"}}), (Shares{0, 0, 0}));
}

TEST(ShareOutCards, TheOrderInWhichARankSeesThemDoesNotMatter) {
    EXPECT_EQ(shares_of({{"a", "b"}, {"b", "a"}}), (Shares{0, 0}));
    EXPECT_EQ(shares_of({{"b", "a"}, {"b"}, {"a", "b"}}), (Shares{0, std::nullopt, 0}));
}

TEST(ShareOutCards, WithoutCardsNobodyHasOne) {
    EXPECT_EQ(shares_of({{}, {}}), (Shares{std::nullopt, std::nullopt}));
    EXPECT_EQ(shares_of({{}, {"a"}}), (Shares{std::nullopt, 0}));
}

TEST(DeviceChoice, HasNames) {
    EXPECT_EQ(name_of(DeviceChoice::automatic), "auto");
    EXPECT_EQ(name_of(DeviceChoice::cuda), "cuda");
    EXPECT_EQ(name_of(DeviceChoice::none), "none");
}

}  // namespace
}  // namespace alphaprune::device
