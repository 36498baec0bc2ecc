#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::run_with;
using test::Words;

TEST(ModelOptions, AreOffUnlessGiven) {
    const Options options = parse_options(run_with({}), {});
    EXPECT_FALSE(options.synthetic);
    EXPECT_FALSE(options.blocks);
    EXPECT_TRUE(options.model_root.empty());
}

TEST(ModelOptions, RangesOfBlocks) {
    const auto blocks = [](const std::string& text) {
        return parse_options(run_with({"--blocks", text}), {}).blocks;
    };
    EXPECT_EQ(blocks("0-1"), (model::BlockRange{0, 1}));
    EXPECT_EQ(blocks("7"), (model::BlockRange{7, 7}));
    EXPECT_EQ(blocks("12-12"), (model::BlockRange{12, 12}));
    for (const char* text :
         {"-", "1-", "-1", "3-1", "a", "1-2-3", "1 - 2", "0x1", "1.5", "99999999999", "0,1"}) {
        expect_faults(run_with({std::string("--blocks=") + text}),
                      {"--blocks '" + std::string(text) + "' is not a range of blocks"});
    }
}

TEST(ModelOptions, PatternsOfNames) {
    const Options options = parse_options(
        run_with({"--include", "a\\.b", "--include=c|d", "--exclude", "norm", "--exclude=x{2}"}),
        {});
    ASSERT_EQ(options.matrices.include.size(), 2U);
    EXPECT_TRUE(options.matrices.includes("d"));
    EXPECT_TRUE(options.matrices.excludes("xxx"));
    EXPECT_FALSE(options.matrices.includes("a.b.norm"));
    expect_faults(run_with({"--include", "(", "--exclude", "fine", "--exclude", "[a"}),
                  {"the regular expression '('", "the regular expression '[a'"});
    expect_faults({"evaluate", "--model=7b", "--eval=t.npy", "--exclude=a"},
                  {"--exclude has no meaning for the command evaluate"});
    const Options again =
        parse_options(resolved_arguments(run_with({"--exclude", "a", "--exclude", "b"}), {}), {});
    EXPECT_EQ(again.matrices.exclude.size(), 2U);
    EXPECT_EQ(parse_options({"plan", "--model=7b", "--exclude=a"}, {}).matrices.exclude.size(), 1U);
}

TEST(ModelOptions, FusedTensorsAreSplitOrTakenWhole) {
    const auto fused = [](const Words& words) { return parse_options(words, {}).matrices.fused; };
    EXPECT_EQ(fused(run_with({})), model::Fused::split);
    EXPECT_EQ(fused(run_with({"--fused=split"})), model::Fused::split);
    EXPECT_EQ(fused(run_with({"--fused=whole"})), model::Fused::whole);
    EXPECT_EQ(fused(resolved_arguments(run_with({"--fused=whole"}), {})), model::Fused::whole);
    EXPECT_EQ(fused({"plan", "--model=7b", "--fused=whole"}), model::Fused::whole);
    expect_faults(run_with({"--fused=both"}), {"--fused cannot be 'both'"});
}

TEST(ModelOptions, TheRootComesFromTheEnvironmentToo) {
    const Words environment{"ALPHAPRUNE_MODEL_ROOT=/models"};
    EXPECT_EQ(parse_options(run_with({}), environment).model_root, "/models");
    EXPECT_EQ(parse_options(run_with({"--model-root", "/mine"}), environment).model_root, "/mine");
    EXPECT_EQ(parse_options({"verify", "out"}, environment).command, Command::verify);
}

TEST(ModelOptions, BelongToTheCommandsThatReadAModel) {
    EXPECT_TRUE(
        parse_options({"evaluate", "--model=7b", "--synthetic", "--eval=t.npy"}, {}).synthetic);
    EXPECT_TRUE(parse_options({"export", "--model=7b", "--synthetic", "--output=o"}, {}).synthetic);
    EXPECT_EQ(parse_options({"analyze", "--model=7b", "--output=o", "--blocks=3"}, {}).blocks,
              (model::BlockRange{3, 3}));
    expect_faults({"evaluate", "--model=7b", "--eval=t.npy", "--blocks=0"},
                  {"--blocks has no meaning for the command evaluate"});
    expect_faults({"verify", "out", "--synthetic"},
                  {"--synthetic has no meaning for the command verify"});
}

TEST(ModelOptions, TheRevisionIsAnyText) {
    EXPECT_EQ(parse_options(run_with({}), {}).revision, "");
    EXPECT_EQ(parse_options(run_with({"--revision", "refs/pr/1"}), {}).revision, "refs/pr/1");
    for (const char* command : {"analyze", "plan", "export"}) {
        EXPECT_EQ(
            parse_options({command, "--model=a/b", "--output=o", "--revision=v1"}, {}).revision,
            "v1");
    }
    expect_faults({"verify", "out", "--revision=v1"},
                  {"--revision has no meaning for the command verify"});
}

TEST(ModelOptions, SurviveTheWayToTheOtherRanks) {
    const Words words =
        resolved_arguments(run_with({"--synthetic", "--blocks", "2-4", "--revision", "v1.0"}),
                           {"ALPHAPRUNE_MODEL_ROOT=/models"});
    const Options options = parse_options(words, {});
    EXPECT_TRUE(options.synthetic);
    EXPECT_EQ(options.blocks, (model::BlockRange{2, 4}));
    EXPECT_EQ(options.model_root, "/models");
    EXPECT_EQ(options.revision, "v1.0");
}

}  // namespace
}  // namespace alphaprune::cli
