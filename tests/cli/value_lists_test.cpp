#include <gtest/gtest.h>

#include "value_lists.hpp"

namespace alphaprune::cli {
namespace {

using Texts = std::vector<std::string>;

TEST(ValueLists, PartsStandBetweenCommas) {
    EXPECT_EQ(parts_of("a,b"), (Texts{"a", "b"}));
    EXPECT_EQ(parts_of("a"), Texts{"a"});
    EXPECT_EQ(parts_of(",a,"), (Texts{"", "a", ""}));
}

TEST(ValueLists, RangesIncludeBothEnds) {
    EXPECT_EQ(range_of("0.1:0.4:0.1"), (Texts{"0.1", "0.2", "0.3", "0.4"}));
    EXPECT_EQ(range_of("0.5:0.9:0.2"), (Texts{"0.5", "0.7", "0.9"}));
    EXPECT_EQ(range_of("0:1:0.25"), (Texts{"0", "0.25", "0.5", "0.75", "1"}));
    EXPECT_EQ(range_of("1:4:2"), (Texts{"1", "3"}));
    EXPECT_EQ(range_of("0.30:0.30:0.1"), Texts{"0.3"});
    EXPECT_EQ(range_of("10:20:10"), (Texts{"10", "20"}));
}

TEST(ValueLists, WhatIsNoRange) {
    for (const char* text :
         {"", "0.1", "0.1:0.4", "0.4:0.1:0.1", "0.1:0.4:0", "0.1:0.4:-0.1", "a:b:c",
          "0.1:0.4:0.1:0.1", "0:1:0.0001", "1e-1:0.4:0.1", "::", "0:nan:0.1", "0:1e308:1"}) {
        EXPECT_FALSE(range_of(text)) << text;
    }
}

TEST(ValueLists, ValuesAndRangesTogetherEachOnce) {
    EXPECT_EQ(numbers_of("0.3,0.1:0.3:0.1,0.3"), (Texts{"0.3", "0.1", "0.2"}));
    EXPECT_EQ(numbers_of("0.5,,0.6"), (Texts{"0.5", "", "0.6"}));  // read as numbers later
    EXPECT_FALSE(numbers_of("0.5,0.6:0.7"));
}

}  // namespace
}  // namespace alphaprune::cli
