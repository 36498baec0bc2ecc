#include <gtest/gtest.h>

#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::run_with;
using test::Words;

Options with_pattern(const std::string& text, const Words& more = {}) {
    Words arguments = run_with({"--sparsity-type", text});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parse_options(arguments, {});
}

TEST(PatternOptions, AFixedPatternSettlesTheRatio) {
    for (const auto& [text, removed, group] :
         {std::tuple("2:4", 2, 4), std::tuple("1:3", 1, 3), std::tuple("15:16", 15, 16)}) {
        const Options options = with_pattern(text);
        ASSERT_TRUE(options.pattern.has_value()) << text;
        EXPECT_EQ(options.pattern->removed, removed);
        EXPECT_EQ(options.pattern->group, group);
        EXPECT_FALSE(options.mixed_pattern);
        EXPECT_EQ(options.allocation->name, "uniform");
        EXPECT_EQ(options.ratios.sparsity_ratio, static_cast<double>(removed) / group);
        EXPECT_GE(options.ratios.max_sparsity, options.ratios.sparsity_ratio);
    }
}

TEST(PatternOptions, TheSameRatioAndUniformAreNoContradiction) {
    EXPECT_EQ(with_pattern("4:8", {"--sparsity-ratio=0.5"}).ratios.sparsity_ratio, 0.5);
    EXPECT_TRUE(with_pattern("2:4", {"--allocation=uniform"}).pattern.has_value());
}

TEST(PatternOptions, ContradictionsAreToldOnce) {
    const auto refuse = [](const Words& more, const Words& faults) {
        Words arguments = run_with({"--sparsity-type", "2:4"});
        arguments.insert(arguments.end(), more.begin(), more.end());
        expect_faults(arguments, faults);
    };
    refuse({"--sparsity-ratio=0.7"},
           {"--sparsity-ratio 0.7 contradicts --sparsity-type 2:4, which is a ratio of 0.5"});
    for (const char* name : {"alphapruning", "linear_depth", "file:r.npy"}) {
        refuse({"--allocation", name}, {"--allocation has no effect with --sparsity-type 2:4"});
    }
    refuse({"--allocation", "owl", "--calibration", "c"}, {"--allocation has no effect"});
    for (const Words& more : {Words{"--metric", "alpha_mid"}, Words{"--metric-cache", "c.npy"},
                              Words{"--epsilon", "0.1"}, Words{"--mapping-type", "layer_wise"},
                              Words{"--max-sparsity", "0.4"}}) {
        refuse(more, {more[0] + " has no effect with --sparsity-type 2:4"});
        Words with_uniform = more;
        with_uniform.emplace_back("--allocation=uniform");
        refuse(with_uniform, {more[0] + " has no effect with --sparsity-type 2:4"});
    }
}

TEST(PatternOptions, UnreadablePatterns) {
    for (const char* text :
         {"4:4", "0:4", "5:4", "2:17", "-2:4", "2:", ":4", "2:4:8", "2/4", "2:4 ", " 2:4", "2.0:4",
          "x:y", "24", "mixed-N:4", "mixed-N", "structured", "", "99999999999:4"}) {
        expect_faults(run_with({"--sparsity-type", text}),
                      {"--sparsity-type cannot be '" + std::string(text) +
                       "' | command line | choose one of unstructured, N:M with 1 <= N < M <= 16"});
    }
}

TEST(PatternOptions, MixedPatternsFollowAnAllocation) {
    for (const char* spelling : {"mixed-N:8", "mixed_N:8"}) {
        const Options options =
            with_pattern(spelling, {"--metric=alpha_mid", "--epsilon=0.1", "--sparsity-ratio=0.6"});
        EXPECT_TRUE(options.mixed_pattern);
        EXPECT_FALSE(options.pattern.has_value());
        EXPECT_EQ(options.allocation->name, "alphapruning");
        EXPECT_EQ(options.ratios.sparsity_ratio, 0.6);
    }
}

TEST(PatternOptions, TiesBelongToUnstructuredMagnitude) {
    for (const Words& more : {Words{"--prune-method=wanda", "--calibration=c"},
                              Words{"--prune-method=sparsegpt", "--calibration=c"},
                              Words{"--sparsity-type=2:4"}, Words{"--sparsity-type=mixed-N:8"}}) {
        Words arguments = run_with({"--ties", "inclusive"});
        arguments.insert(arguments.end(), more.begin(), more.end());
        expect_faults(arguments, {"--ties has no effect with this method"});
    }
    EXPECT_EQ(with_pattern("unstructured", {"--ties=inclusive"}).ties, pruning::Ties::inclusive);
}

}  // namespace
}  // namespace alphaprune::cli
