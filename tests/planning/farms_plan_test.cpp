#include "alphaprune/planning/farms_plan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace alphaprune::planning {
namespace {

model::Catalogue catalogue_of(const std::vector<std::pair<std::int64_t, std::int64_t>>& shapes) {
    model::Catalogue catalogue;
    for (const auto& [rows, cols] : shapes) {
        catalogue.matrices.push_back({0, 0, rows, cols});
    }
    return catalogue;
}

void expect_each_window_once(const FarmsPlan& plan) {
    std::vector<std::vector<int>> taken;
    for (const auto& windows : plan.windows) {
        taken.emplace_back(windows.size());
    }
    for (const WindowBatch& batch : plan.batches) {
        EXPECT_LT(batch.first, batch.last);
        for (std::size_t w = batch.first; w < batch.last; ++w) {
            ++taken[static_cast<std::size_t>(batch.matrix)].at(w);
        }
    }
    for (const auto& of_matrix : taken) {
        EXPECT_EQ(of_matrix, std::vector<int>(of_matrix.size(), 1));
    }
}

TEST(FarmsPlan, HoldsEachWindowOnceWhateverTheRanks) {
    const model::Catalogue catalogue =
        catalogue_of({{128, 256}, {4096, 4096}, {4096, 11008}, {1024, 8192}, {0, 7}, {1, 1}});
    for (const int ranks : {1, 2, 7, 64, 4096}) {
        const FarmsPlan plan = plan_farms(catalogue, {}, ranks);
        expect_each_window_once(plan);
        EXPECT_EQ(plan.total_windows(), 10U + 100U + 100U + 10U + 0U + 1U);
        EXPECT_EQ(plan.pool_size(1), 200'000U);
        EXPECT_EQ(plan.pool_size(4), 0U);
    }
}

TEST(FarmsPlan, TheCostliestWindowsComeFirstAndAMatrixStaysTogether) {
    const FarmsPlan plan = plan_farms(
        catalogue_of({{300, 400}, {4096, 4096}, {1024, 8192}, {11008, 4096}, {300, 400}}), {}, 3);
    std::vector<int> order;
    for (const WindowBatch& batch : plan.batches) {
        if (order.empty() || order.back() != batch.matrix) {
            order.push_back(batch.matrix);
        }
    }
    EXPECT_EQ(order, (std::vector<int>{1, 3, 2, 0, 4}));
}

TEST(FarmsPlan, LargeWindowsGoOneByOneAndSmallOnesTogether) {
    const FarmsPlan large = plan_farms(catalogue_of({{4096, 4096}}), {}, 2);
    EXPECT_EQ(large.batches.size(), 100U);
    const std::vector<std::pair<std::int64_t, std::int64_t>> many(100, {64, 640});
    EXPECT_EQ(plan_farms(catalogue_of(many), {}, 1).batches.size(), 100U);
    // With more ranks than matrices a matrix is divided.
    EXPECT_EQ(plan_farms(catalogue_of(many), {}, 1000).batches.size(), 1000U);
}

TEST(FarmsPlan, TheWindowsAreThoseOfTheLayerHoweverItIsStored) {
    spectrum::FarmsOptions options;
    options.aspect = 2;
    model::Catalogue catalogue = catalogue_of({{300, 700}, {700, 300}});
    catalogue.matrices[1].transposed = true;
    const FarmsPlan plan = plan_farms(catalogue, options, 1);
    ASSERT_EQ(plan.windows[0].size(), plan.windows[1].size());
    for (std::size_t w = 0; w < plan.windows[0].size(); ++w) {
        const linalg::Rectangle& usual = plan.windows[0][w];
        const linalg::Rectangle& turned = plan.windows[1][w];
        EXPECT_EQ(turned.row_begin, usual.col_begin);
        EXPECT_EQ(turned.row_end, usual.col_end);
        EXPECT_EQ(turned.col_begin, usual.row_begin);
        EXPECT_EQ(turned.col_end, usual.row_end);
    }
}

}  // namespace
}  // namespace alphaprune::planning
