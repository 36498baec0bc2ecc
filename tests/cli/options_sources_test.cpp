#include <gtest/gtest.h>

#include "alphaprune/support/file.hpp"
#include "cli/faults_of.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::run_with;
using test::Words;

/// A configuration file that lives as long as the test.
class ConfigFile {
  public:
    explicit ConfigFile(const std::string& text) { support::write_text_atomically(path(), text); }
    std::string path() const { return (folder_ / "job.cfg").string(); }

  private:
    test::TemporaryFolder folder_;
};

TEST(OptionSources, TheStrongestWins) {
    const ConfigFile config("epsilon = 0.2\nmax_sparsity = 0.8\n");
    const Words environment{"ALPHAPRUNE_EPSILON=0.15", "ALPHAPRUNE_MAX_SPARSITY=0.85",
                            "ALPHAPRUNE_SPARSITY_RATIO=0.6"};
    const Options options =
        parse_options(run_with({"--config", config.path(), "--epsilon", "0.1"}), environment);
    EXPECT_EQ(options.ratios.epsilon, 0.1);
    EXPECT_EQ(options.ratios.max_sparsity, 0.8);
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.6);
}

TEST(OptionSources, TheOverriddenValueIsNotJudged) {
    EXPECT_EQ(
        parse_options(run_with({"--epsilon=0.1"}), {"ALPHAPRUNE_EPSILON=junk"}).ratios.epsilon,
        0.1);
}

TEST(OptionSources, ConfigFilesMayHaveCommentsAndEitherSpelling) {
    const ConfigFile config(
        "# published settings\n\n  sparsity_ratio=0.5  # half\r\nmapping-type = layer_wise\n"
        "overwrite = yes\nmodel = from config\noutput=o=1");
    const Options options = parse_options({"--config=" + config.path()}, {});
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.5);
    EXPECT_EQ(options.ratios.mapping, allocation::Mapping::layer_wise);
    EXPECT_TRUE(options.overwrite);
    EXPECT_EQ(options.model, "from config");
    EXPECT_EQ(options.output, "o=1");
    EXPECT_FALSE(parse_options({"--config=" + config.path(), "--overwrite=false"}, {}).overwrite);
}

TEST(OptionSources, ConfigFaultsNameTheLine) {
    const ConfigFile config(
        "epsilon = x\nnonsense line\n[section]\nepsilno = 0.2\nconfig = more.cfg\n"
        "epsilon = 0.3\nhelp = true\n");
    const std::string path = config.path();
    expect_faults(run_with({"--config", path}),
                  {"this line is not understood: nonsense line | " + path + ", line 2",
                   "[section] | " + path + ", line 3",
                   "unknown option --epsilno | " + path + ", line 4 | did you mean --epsilon?",
                   "--config cannot be given here | " + path + ", line 5",
                   "--epsilon is given twice, as 'x' and as '0.3' | " + path + ", line 6",
                   "--help cannot be given here | " + path + ", line 7",
                   "--epsilon 'x' is not a number | " + path + ", line 1"});
}

TEST(OptionSources, AMissingConfigFileIsNamed) {
    expect_faults(run_with({"--config", "/nonexistent/job.cfg"}), {"/nonexistent/job.cfg"});
    expect_faults(run_with({}), {"/nonexistent/job.cfg"},
                  {"ALPHAPRUNE_CONFIG=/nonexistent/job.cfg"});
}

TEST(OptionSources, EnvironmentVariables) {
    const Options options = parse_options(
        {}, {"PATH=/bin", "ALPHAPRUNE_MODEL=m", "ALPHAPRUNE_OUTPUT=o", "ALPHAPRUNE_OVERWRITE=1",
             "ALPHAPRUNE_EPSILON=", "ALPHAPRUNE_MODEL_ROOT=/models", "NOT_ALPHAPRUNE_X=1"});
    EXPECT_EQ(options.model, "m");
    EXPECT_EQ(options.output, "o");
    EXPECT_TRUE(options.overwrite);
    EXPECT_EQ(options.ratios.epsilon, 0.3);
    expect_faults(
        run_with({}),
        {"unknown option ALPHAPRUNE_EPSILN | environment variable ALPHAPRUNE_EPSILN | did "
         "you mean ALPHAPRUNE_EPSILON?",
         "--help cannot be given here | environment variable ALPHAPRUNE_HELP",
         "--sparsity-ratio '7 0' is not a number | environment variable "
         "ALPHAPRUNE_SPARSITY_RATIO"},
        {"ALPHAPRUNE_SPARSITY_RATIO=7 0", "ALPHAPRUNE_HELP=1", "ALPHAPRUNE_EPSILN=1"});
}

TEST(OptionSources, OptionsOfOtherCommandsArePassedOver) {
    const ConfigFile config("sparsity-ratio = 0.5\nlog-level = error\n");
    const Options options =
        parse_options({"verify", "out", "--config", config.path()}, {"ALPHAPRUNE_MODEL=m"});
    EXPECT_EQ(options.log_level, support::LogLevel::error);
    EXPECT_TRUE(options.model.empty());
}

TEST(OptionSources, AStrongerChoiceDropsWhatHangsOnIt) {
    const ConfigFile config(
        "epsilon = 0.2\nmetric = alpha_mid\nsolver = scalapack\ngroup-ranks = 4\n");
    const Words arguments =
        run_with({"--config", config.path(), "--allocation=uniform", "--solver=lapack1"});
    const Options options = parse_options(arguments, {});
    EXPECT_EQ(options.allocation->name, "uniform");
    EXPECT_EQ(options.ratios.epsilon, 0.3);
    EXPECT_EQ(options.group_ranks, std::nullopt);
    expect_faults(run_with({"--epsilon", "0.1"}), {"--epsilon has no effect"},
                  {"ALPHAPRUNE_ALLOCATION=uniform"});
}

TEST(OptionSources, AStrongerMetricDropsTheWindows) {
    const ConfigFile config("metric = alpha_peak_farms\nfarms-aspect = 2\n");
    const auto aspect_with = [&](const Words& more) {
        Words arguments = run_with({"--config", config.path()});
        arguments.insert(arguments.end(), more.begin(), more.end());
        return parse_options(arguments, {}).farms.aspect;
    };
    EXPECT_EQ(aspect_with({}), 2);
    EXPECT_EQ(aspect_with({"--metric", "alpha_mid"}), 1);
    EXPECT_EQ(aspect_with({"--metric-cache", "c.npy"}), 1);
    EXPECT_EQ(aspect_with({"--allocation", "uniform"}), 1);
    EXPECT_EQ(aspect_with({"--sparsity-type", "2:4"}), 1);
}

TEST(OptionSources, APatternDropsWhatItSettles) {
    const ConfigFile config(
        "allocation = owl\ncalibration = t.npy\nsparsity-ratio = 0.7\nmax-sparsity = 0.4\n"
        "ties = inclusive\n");
    const Options options =
        parse_options(run_with({"--config", config.path(), "--sparsity-type", "2:4"}), {});
    EXPECT_EQ(options.allocation->name, "uniform");
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.5);
    EXPECT_EQ(options.ratios.max_sparsity, 0.99);
    EXPECT_EQ(options.ties, pruning::Ties::exact);
    expect_faults(run_with({"--sparsity-ratio", "0.7"}), {"--sparsity-ratio 0.7 contradicts"},
                  {"ALPHAPRUNE_SPARSITY_TYPE=2:4"});
}

TEST(OptionSources, AStrongerMethodDropsTheCalibration) {
    const ConfigFile config(
        "prune-method = wanda\ncalibration = t.npy\nnsamples = 4\nseed = 1\nseqlen = 8\n");
    const Options calibrated = parse_options(run_with({"--config", config.path()}), {});
    EXPECT_EQ(calibrated.pruner->name, "wanda");
    EXPECT_EQ(calibrated.calibration, (std::vector<CalibrationFile>{{"t.npy", 1}}));
    const Options options =
        parse_options(run_with({"--config", config.path(), "--prune-method", "magnitude"}), {});
    EXPECT_TRUE(options.calibration.empty());
    EXPECT_EQ(options.sequences, std::nullopt);
    EXPECT_EQ(options.seed, 0U);
    EXPECT_EQ(options.sequence_length, std::nullopt);
}

TEST(OptionSources, RepeatedValuesOfTheStrongestSourceAlone) {
    const ConfigFile config(
        "eval = a.npy\neval = b.npy\nformat = hdf5\nallocation = owl\ncalibration = c:2\n"
        "calibration = d\n");
    using Files = std::vector<std::filesystem::path>;
    EXPECT_EQ(parse_options(run_with({"--config", config.path()}), {}).evaluations,
              (Files{"a.npy", "b.npy"}));
    const auto calibration = [&](const Words& more) {
        Words arguments = run_with({"--config", config.path()});
        arguments.insert(arguments.end(), more.begin(), more.end());
        return parse_options(arguments, {"ALPHAPRUNE_CALIBRATION=x\ny"}).calibration;
    };
    EXPECT_EQ(calibration({}), (std::vector<CalibrationFile>{{"c", 2}, {"d", 1}}));
    EXPECT_EQ(calibration({"--calibration=e:3"}), (std::vector<CalibrationFile>{{"e", 3}}));
    const Options options = parse_options(
        run_with({"--config", config.path(), "--eval=c", "--format=safetensors"}), {});
    EXPECT_EQ(options.evaluations, Files{"c"});
    EXPECT_FALSE(options.write_hdf5);
    EXPECT_TRUE(options.write_safetensors);
}

void expect_same(const Options& a, const Options& b) {
    EXPECT_EQ(a.command, b.command);
    EXPECT_EQ(a.model, b.model);
    EXPECT_EQ(a.output, b.output);
    EXPECT_EQ(a.overwrite, b.overwrite);
    EXPECT_EQ(a.allocation, b.allocation);
    EXPECT_EQ(a.allocation_file, b.allocation_file);
    EXPECT_EQ(a.metric, b.metric);
    EXPECT_EQ(a.metric_cache, b.metric_cache);
    EXPECT_EQ(a.farms.aspect, b.farms.aspect);
    EXPECT_EQ(a.ratios.sparsity_ratio, b.ratios.sparsity_ratio);
    EXPECT_EQ(a.ratios.epsilon, b.ratios.epsilon);
    EXPECT_EQ(a.ratios.max_sparsity, b.ratios.max_sparsity);
    EXPECT_EQ(a.ratios.mapping, b.ratios.mapping);
    EXPECT_EQ(a.pruner, b.pruner);
    EXPECT_EQ(a.pattern.has_value(), b.pattern.has_value());
    if (a.pattern && b.pattern) {
        EXPECT_EQ(a.pattern->removed, b.pattern->removed);
        EXPECT_EQ(a.pattern->group, b.pattern->group);
    }
    EXPECT_EQ(a.mixed_pattern, b.mixed_pattern);
    EXPECT_EQ(a.ties, b.ties);
    EXPECT_EQ(a.calibration, b.calibration);
    EXPECT_EQ(a.sequences, b.sequences);
    EXPECT_EQ(a.sequence_length, b.sequence_length);
    EXPECT_EQ(a.seed, b.seed);
    EXPECT_EQ(a.evaluations, b.evaluations);
    EXPECT_EQ(a.write_hdf5, b.write_hdf5);
    EXPECT_EQ(a.write_safetensors, b.write_safetensors);
    EXPECT_EQ(a.solver, b.solver);
    EXPECT_EQ(a.group_ranks, b.group_ranks);
    EXPECT_EQ(a.log_level, b.log_level);
    EXPECT_EQ(a.verify_target, b.verify_target);
}

TEST(OptionSources, ResolvedArgumentsStandForThemselves) {
    const ConfigFile config(
        "sparsity_ratio = 0.5\nties = inclusive\nmetric = alpha_ks\nmodel = a = b\n");
    const std::vector<std::pair<Words, Words>> requests{
        {run_with({"--overwrite", "--config", config.path()}), {"ALPHAPRUNE_SOLVER=lapack"}},
        {{"--output=o", "--config", config.path(), "--allocation", "uniform"},
         {"ALPHAPRUNE_LOG_LEVEL=debug"}},
        {run_with({"--allocation", "file:x y.csv"}), {"ALPHAPRUNE_SPARSITY_RATIO=0.4"}},
        {{"verify", "--log-level", "error", "my run"}, {"ALPHAPRUNE_MODEL=m"}},
        {{"analyze", "--metric", "entropy"}, {"ALPHAPRUNE_MODEL=m", "ALPHAPRUNE_OUTPUT=o"}},
        {run_with({"--eval", "a b.npy", "--eval=c", "--format=hdf5", "--format=safetensors",
                   "--prune-method=wanda", "--nsamples=3", "--sparsity-type=mixed-N:8"}),
         {"ALPHAPRUNE_CALIBRATION=t.npy", "ALPHAPRUNE_SEED=18446744073709551615"}},
        {run_with({"--prune-method=wanda"}), {"ALPHAPRUNE_CALIBRATION=t.npy:0.1\nu:v\nw:1"}},
        {run_with({"--sparsity-type=2:4"}),
         {"ALPHAPRUNE_ALLOCATION=owl", "ALPHAPRUNE_CALIBRATION=t", "ALPHAPRUNE_EPSILON=0.2",
          "ALPHAPRUNE_SPARSITY_RATIO=0.7", "ALPHAPRUNE_SEQLEN=64"}},
        {{"evaluate", "--model=m", "--seqlen=16"}, {"ALPHAPRUNE_EVAL=x\ny"}},
        {{"export", "--model=c.h5", "--output=o"}, {"ALPHAPRUNE_FORMAT=safetensors"}},
        {{"plan", "--help"}, {}},
        {{"--version"}, {}},
    };
    for (const auto& [arguments, environment] : requests) {
        const Words resolved = resolved_arguments(arguments, environment);
        expect_same(parse_options(resolved, {}), parse_options(arguments, environment));
        EXPECT_EQ(resolved_arguments(resolved, {}), resolved);
    }
}

TEST(OptionSources, ResolvingFindsTheSameFaults) {
    EXPECT_THROW(resolved_arguments({"--model", "m"}, {}), support::Error);
    EXPECT_THROW(resolved_arguments({"plan"}, {}), support::Error);
}

}  // namespace
}  // namespace alphaprune::cli
