// Ratios against those that the published code gave, and metric files published for larger models.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "allocation/by_name.hpp"
#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/npy.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::allocation {
namespace {

using test::allocate_alphapruning;

const std::filesystem::path kFolder =
    std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/reference";
constexpr std::size_t kMatrices = 7;  // q, k, v, o, gate, up, down

std::vector<AllocationItem> items_of(const std::vector<double>& metrics,
                                     const std::array<std::int64_t, kMatrices>& weights) {
    std::vector<AllocationItem> items;
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        items.push_back({static_cast<int>(i / kMatrices), weights[i % kMatrices], metrics[i]});
    }
    return items;
}

std::vector<double> numbers(const formats::Json& array) {
    std::vector<double> values;
    for (const formats::Json& element : array.elements()) {
        values.push_back(element.as_number().value());
    }
    return values;
}

/// The published code does not bound: where it exceeds 0.99, the others must keep its proportions.
void expect_agreement(const std::vector<AllocationItem>& items, const Allocation& ours,
                      const std::vector<double>& reference) {
    ASSERT_EQ(ours.ratios.size(), reference.size());
    const bool bounded = std::ranges::max(reference) > 0.99;
    EXPECT_EQ(bounded, !ours.bounded_blocks.empty());
    const std::size_t least =
        static_cast<std::size_t>(std::ranges::min_element(reference) - reference.begin());
    const double raised = bounded ? ours.ratios[least] / reference[least] : 1.0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        EXPECT_NEAR(ours.ratios[i], std::min(raised * reference[i], 0.99), 1e-6) << i;
    }
    EXPECT_NEAR(overall_ratio(items, ours.ratios), overall_ratio(items, reference), 1e-6);
}

TEST(Reference, RatiosOfTheEmbeddedModel) {
    const std::filesystem::path file = kFolder / "books-7m-reference.json";
    const formats::Json reference = formats::Json::parse(support::read_text(file), file.string());
    // 256 inputs, 4 of 8 heads for keys and values, 704 inner rows.
    constexpr std::array<std::int64_t, kMatrices> kWeights{
        256 * 256, 128 * 256, 128 * 256, 256 * 256, 704 * 256, 704 * 256, 704 * 256};
    std::size_t unbounded = 0;
    for (const formats::Json& entry : reference.find("ratios")->elements()) {
        const std::string metric = entry.find("metric")->as_string().value();
        SCOPED_TRACE(metric + " " + entry.find("mapping")->as_string().value());
        const auto items = items_of(numbers(*reference.find("metrics")->find(metric)), kWeights);
        AllocationOptions options;
        options.sparsity_ratio = entry.find("sparsity")->as_number().value();
        options.epsilon = entry.find("epsilon")->as_number().value();
        options.mapping = entry.find("mapping")->as_string() == "block_wise" ? Mapping::block_wise
                                                                             : Mapping::layer_wise;
        const Allocation ours = allocate_alphapruning(items, options);
        EXPECT_NEAR(overall_ratio(items, ours.ratios), options.sparsity_ratio, 1e-12);
        expect_agreement(items, ours, numbers(*entry.find("ratios")));
        unbounded += ours.bounded_blocks.empty() ? 1 : 0;
    }
    EXPECT_EQ(reference.find("ratios")->elements().size(), 8U);
    EXPECT_EQ(unbounded, 6U);
}

TEST(Reference, PublishedMetricFilesMeetTheMean) {
    constexpr std::int64_t kSquare = 4096LL * 4096;
    constexpr std::int64_t kInner = 4096LL * 11008;
    for (const char* name : {"alpha_peak-llama-7b.npy", "alpha_peak-llama2-7b.npy"}) {
        const formats::NpyNumbers metrics = formats::read_npy_numbers(kFolder / name);
        ASSERT_EQ(metrics.values.size(), 224U);
        const auto items =
            items_of(metrics.values, {kSquare, kSquare, kSquare, kSquare, kInner, kInner, kInner});
        for (int percent = 50; percent <= 95; percent += 5) {
            for (const double epsilon : {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9}) {
                for (const Mapping mapping : {Mapping::block_wise, Mapping::layer_wise}) {
                    AllocationOptions options;
                    options.sparsity_ratio = percent / 100.0;
                    options.epsilon = epsilon;
                    options.mapping = mapping;
                    const Allocation ours = allocate_alphapruning(items, options);
                    EXPECT_NEAR(overall_ratio(items, ours.ratios), options.sparsity_ratio, 1e-12);
                    EXPECT_LE(std::ranges::max(ours.ratios), 0.99);
                }
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::allocation
