// The table of allocations: what every row must have, so that whoever reads the table can rely on
// it.
#include <gtest/gtest.h>

#include <set>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {
namespace {

TEST(Allocations, NamesAreDifferentAndFound) {
    std::set<std::string_view> names;
    for (const AllocationMethod& method : allocations()) {
        EXPECT_TRUE(names.insert(method.name).second) << method.name;
        EXPECT_EQ(method.name.find('-'), std::string_view::npos) << "words joined by underscores";
        const std::string name(method.name);
        EXPECT_EQ(find_allocation(name), method.is_computed() ? &method : nullptr);
        EXPECT_EQ(find_allocation(name + ":a:b"), method.is_computed() ? nullptr : &method);
    }
    EXPECT_EQ(find_allocation("no such allocation"), nullptr);
    EXPECT_EQ(&default_allocation(), find_allocation("alphapruning"));
    EXPECT_EQ(&uniform_allocation(), find_allocation("uniform"));
}

TEST(Allocations, RowsAreComplete) {
    for (const AllocationMethod& method : allocations()) {
        SCOPED_TRACE(method.name);
        EXPECT_FALSE(method.help.empty());
        EXPECT_NE(method.allocate, nullptr);
        EXPECT_EQ(method.outlier_multiple != nullptr,
                  method.needs == AllocationNeeds::outlier_shares);
        EXPECT_LE(method.has_blocks, method.needs_metric());
        for (const support::MethodOption& option : method.options) {
            EXPECT_TRUE(option.allows(option.fallback)) << option.name;
        }
    }
}

TEST(MethodOption, KnowsItsRange) {
    const support::MethodOption half{
        .name = "a", .argument = "A", .symbol = "a", .help = "", .most = 0.5};
    EXPECT_EQ(half.range(), "in (0, 0.5]");
    EXPECT_TRUE(half.allows(0.5));
    EXPECT_FALSE(half.allows(0));
    const support::MethodOption rising{.name = "b",
                                       .argument = "B",
                                       .symbol = "b",
                                       .help = "",
                                       .least = 1,
                                       .least_included = true};
    EXPECT_EQ(rising.range(), "at least 1");
    EXPECT_TRUE(rising.allows(1));
    EXPECT_FALSE(rising.allows(std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(rising.allows(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_EQ(support::value_of(rising, {{"b", 3}}), 3);
    EXPECT_EQ(support::value_of(rising, {{"a", 3}}), 0);
}

}  // namespace
}  // namespace alphaprune::allocation
