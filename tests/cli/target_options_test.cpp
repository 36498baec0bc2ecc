// What outputs are fitted to, recipes, and the limits of a search.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::parsed;
using test::run_with;
using test::Words;

Words alps_with(const Words& more) {
    Words words = run_with({"--prune-method", "alps", "--calibration", "c"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

TEST(TargetOptions, AreThePublishedProblemUnlessGiven) {
    const Options plain = parsed(alps_with({}));
    EXPECT_EQ(plain.dense_target, 0);
    EXPECT_EQ(plain.residual_target, 0);
    EXPECT_EQ(plain.damping, 0.01);
    EXPECT_FALSE(plain.sites_sequentially);
    const Options given = parsed(alps_with({"--dense-target", "0.25", "--residual-target=1",
                                            "--site-order", "sequential", "--damping", "0.1"}));
    EXPECT_EQ(given.dense_target, 0.25);
    EXPECT_EQ(given.residual_target, 1);
    EXPECT_EQ(given.damping, 0.1);
    EXPECT_TRUE(given.sites_sequentially);
}

TEST(TargetOptions, MayBeLeftToTheProgram) {
    const Options open = parsed(alps_with({"--dense-target=auto", "--damping", "auto"}));
    EXPECT_EQ(open.dense_target, std::nullopt);
    EXPECT_EQ(open.residual_target, 0);
    EXPECT_EQ(open.damping, std::nullopt);
    EXPECT_TRUE(open.leaves_settings_open());
    EXPECT_FALSE(parsed(alps_with({})).leaves_settings_open());
}

TEST(Recipes, SetWhatIsNotGiven) {
    const Options best = parsed(run_with({"--recipe", "best", "--calibration", "c"}));
    EXPECT_EQ(best.pruner->name, "alps");
    EXPECT_EQ(best.allocation->name, "uniform");
    EXPECT_TRUE(best.sites_sequentially);
    EXPECT_TRUE(!best.dense_target && !best.residual_target && !best.damping);
    const Options changed = parsed(run_with({"--recipe", "best", "--calibration", "c",
                                             "--prune-method", "wanda", "--dense-target", "0.25"}));
    EXPECT_EQ(changed.pruner->name, "wanda");
    EXPECT_EQ(changed.dense_target, 0.25);
    EXPECT_TRUE(changed.sites_sequentially);
    const Options published = parsed(run_with({"--recipe", "published", "--calibration", "c"}));
    EXPECT_EQ(published.pruner->name, "sparsegpt");
    EXPECT_EQ(published.allocation->name, "alphapruning");
    EXPECT_EQ(published.dense_target, 0);
    expect_faults(run_with({"--recipe", "beste"}), {"--recipe cannot be 'beste'"});
}

TEST(TargetOptions, HaveTheirRanges) {
    for (const std::string option : {"--dense-target", "--residual-target"}) {
        for (const char* value : {"-0.1", "1.0001", "2"}) {
            expect_faults(alps_with({option, value}),
                          {option + " " + value + " is not in [0, 1], or auto | command line"});
        }
        for (const char* value : {"nan", "inf", "half", ""}) {
            expect_faults(alps_with({option, value}),
                          {option + " '" + value + "' is not a number"});
        }
        for (const char* value : {"0", "1"}) {
            EXPECT_NO_THROW(parsed(alps_with({option, value})));
        }
    }
    for (const char* value : {"0", "1.1", "-1"}) {
        expect_faults(alps_with({"--damping", value}),
                      {"--damping " + std::string(value) + " is not in (0, 1], or auto"});
    }
    expect_faults(alps_with({"--site-order", "later"}), {"--site-order cannot be 'later'"});
}

/// Magnitude pruning looks at activations only for them.
TEST(TargetOptions, NeedCalibrationBesideMagnitude) {
    for (const std::string option : {"--dense-target", "--residual-target"}) {
        expect_faults(run_with({option, "0.5"}), {"--calibration is missing"});
        EXPECT_TRUE(parsed(run_with({option, "0.5", "--calibration", "c"}))
                        .pruner_settings()
                        .outputs.any());
        expect_faults(run_with({option, "0", "--calibration", "c"}),
                      {"--calibration has no effect with magnitude pruning"});
    }
    for (const Words& more : {Words{"--site-order", "sequential"}, Words{"--damping", "0.1"}}) {
        expect_faults(run_with(more), {more[0] + " has no effect with --prune-method magnitude"});
    }
}

TEST(SearchOptions, HaveTheirRanges) {
    const auto search_with = [](const std::string& option, const char* value) {
        return run_with({"--allocation", "search", "--calibration", "c", option, value});
    };
    for (const char* value : {"0", "10001"}) {
        expect_faults(search_with("--search-evaluations", value),
                      {"--search-evaluations " + std::string(value) + " is not in [1, 10000]"});
    }
    expect_faults(search_with("--search-time", "-1"), {"--search-time -1 is not at least 0"});
    expect_faults(run_with({"--allocation", "search"}), {"--calibration is missing"});
    expect_faults(run_with({"--search-evaluations", "3"}),
                  {"--search-evaluations has no effect with --allocation alphapruning"});
}

}  // namespace
}  // namespace alphaprune::cli
