// Requests that cannot be met are refused with a message that says what to do.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "allocation/by_name.hpp"
#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::allocation {
namespace {

using test::allocate_alphapruning;
using test::allocate_given;
using test::allocate_linear_depth;
using test::allocate_uniform;

const double kNaN = std::nan("");
const std::vector<AllocationItem> kItems{{0, 10, 1}, {1, 10, 2}};

std::optional<support::Error> error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const support::Error& error) {
        return error;
    }
    return std::nullopt;
}

void expect_refused(const AllocationOptions& options, const std::string& where,
                    const std::string& part) {
    for (const auto allocate : {allocate_alphapruning, allocate_uniform, allocate_linear_depth}) {
        const auto error = error_of([&] { allocate(kItems, options); });
        ASSERT_TRUE(error.has_value()) << where;
        EXPECT_EQ(error->status(), support::ExitStatus::bad_request);
        ASSERT_EQ(error->faults().size(), 1U);
        EXPECT_EQ(error->faults()[0].where, where);
        EXPECT_FALSE(error->faults()[0].remedy.empty());
        EXPECT_NE(std::string(error->what()).find(part), std::string::npos) << error->what();
    }
}

TEST(Request, OptionsOutOfRangeAreRefused) {
    for (const double wrong : {-0.1, 1.0, 1.5, kNaN, HUGE_VAL}) {
        AllocationOptions options;
        options.sparsity_ratio = wrong;
        expect_refused(options, "--sparsity-ratio", "sparsity ratio");
        options = {};
        options.epsilon = wrong;
        expect_refused(options, "--epsilon", "epsilon");
    }
    for (const double wrong : {-0.1, 0.0, 1.01, kNaN}) {
        AllocationOptions options;
        options.max_sparsity = wrong;
        expect_refused(options, "--max-sparsity", "largest sparsity ratio");
    }
}

TEST(Request, ARatioThatCannotBeMetNamesTheLargestThatCan) {
    AllocationOptions options;
    options.sparsity_ratio = 0.95;
    options.max_sparsity = 0.9;
    expect_refused(options, "--sparsity-ratio", "at most 0.9,");
}

TEST(Request, AllFaultsAreNamedTogether) {
    AllocationOptions options;
    options.sparsity_ratio = 2;
    options.epsilon = -1;
    options.max_sparsity = 0;
    const auto error = error_of([&] { allocate_uniform({}, options); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->faults().size(), 4U);
}

TEST(Request, MatricesWithoutWeightsAreRefused) {
    const std::vector<AllocationItem> items{{0, 10, 1}, {7, 0, 2}};
    const auto error = error_of([&] { allocate_alphapruning(items, {}); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->faults().at(0).where, "block 7");
}

TEST(Request, NoDefinedMetricAtAllIsRefused) {
    const std::vector<AllocationItem> items{{0, 10, kNaN}, {1, 10, kNaN}};
    for (const Mapping mapping : {Mapping::block_wise, Mapping::layer_wise}) {
        AllocationOptions options;
        options.mapping = mapping;
        const auto error = error_of([&] { allocate_alphapruning(items, options); });
        ASSERT_TRUE(error.has_value());
        EXPECT_EQ(error->status(), support::ExitStatus::bad_request);
        EXPECT_NE(std::string(error->what()).find("undefined for every matrix"), std::string::npos);
    }
    EXPECT_FALSE(error_of([&] { allocate_uniform(items, {}); }).has_value());
    EXPECT_FALSE(error_of([&] { allocate_linear_depth(items, {}); }).has_value());
}

TEST(Request, GivenRatiosAreChecked) {
    const auto few = error_of([] { allocate_given(kItems, std::vector<double>{0.5}); });
    ASSERT_TRUE(few.has_value());
    EXPECT_NE(std::string(few->what()).find("1 ratios for 2 matrices"), std::string::npos);

    const auto wrong = error_of([] { allocate_given(kItems, std::vector<double>{-0.1, kNaN}); });
    ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(wrong->status(), support::ExitStatus::bad_request);
    ASSERT_EQ(wrong->faults().size(), 2U);
    EXPECT_NE(wrong->faults()[1].what.find("matrix 1 (block 1)"), std::string::npos);

    const std::vector<AllocationItem> many(300, AllocationItem{0, 1, 1});
    const auto all = error_of([&] { allocate_given(many, std::vector<double>(300, 1.5)); });
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(all->faults().size(), 11U);
    EXPECT_NE(all->faults().back().what.find("290 more"), std::string::npos);
}

}  // namespace
}  // namespace alphaprune::allocation
