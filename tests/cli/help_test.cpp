#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::cli {
namespace {

TEST(Help, NamesEveryOptionOfThisVersion) {
    const std::string help = help_text();
    for (const char* option :
         {"--model MODEL",       "--output DIR",    "--overwrite",        "--sparsity-ratio S",
          "--prune-method",      "--sparsity-type", "--metric NAME",      "--allocation",
          "--mapping-type",      "--epsilon",       "--max-sparsity",     "--ties",
          "--metric-cache FILE", "--format",        "--storage",          "--solver",
          "--group-ranks N",     "--precision",     "--log-level",        "--config FILE",
          "--version",           "--help",          "--calibration FILE", "--nsamples N",
          "--seqlen T",          "--seed N",        "--eval FILE"}) {
        EXPECT_NE(help.find(std::string("  ") + option), std::string::npos) << option;
    }
    for (const char* word :
         {"run", "analyze", "plan", "verify", "evaluate", "export", "Exit status", "Examples",
          "share of weights that become zero", "ALPHAPRUNE_SPARSITY_RATIO", "--owl-lambda L",
          "--owl-m M", "75 stopped early"}) {
        EXPECT_NE(help.find(word), std::string::npos) << word;
    }
}

TEST(Help, ShowsTheDefaultsInForce) {
    std::istringstream text(help_text());  // words, wherever lines are broken
    std::string help;
    for (std::string word; text >> word;) {
        help += word + ' ';
    }
    const Options defaults;
    EXPECT_NE(help.find(fmt::format("(default {})", defaults.ratios.epsilon)), std::string::npos);
    EXPECT_NE(help.find(fmt::format("(default {})", defaults.ratios.max_sparsity)),
              std::string::npos);
    EXPECT_NE(help.find(fmt::format("(default {})", spectrum::name_of(defaults.metric))),
              std::string::npos);
}

TEST(Help, FitsATerminal) {
    std::istringstream lines(help_text());
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 100U) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
    }
}

Options help_with(const std::vector<std::string>& words) {
    std::vector<std::string> arguments{"help"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return parse_options(arguments, {});
}

TEST(HelpErrors, ListsEveryMessageWithCauseAndRemedy) {
    const std::string catalogue = answer_to(help_with({"errors"}));
    EXPECT_EQ(catalogue, error_catalogue());
    EXPECT_NE(catalogue.find("\n## cli: command line and options\n"), std::string::npos);
    EXPECT_NE(
        catalogue.find("\n### cli.option-given-twice\n\n`--… is given twice, as '…' and as '…'`\n\n"
                       "- exit status: 2\n- cause: "),
        std::string::npos);
}

TEST(HelpErrors, FindsMessagesByIdAndByWord) {
    const std::string one = answer_to(help_with({"errors", "cli.option-given-twice"}));
    EXPECT_TRUE(one.starts_with("### cli.option-given-twice\n")) << one;
    EXPECT_EQ(one.find("###", 3), std::string::npos) << one;
    EXPECT_EQ(answer_to(help_with({"errors", "IS", "given twice,"})), one);
    EXPECT_NE(answer_to(help_with({"errors", "cli."})), one);
    EXPECT_THROW(answer_to(help_with({"errors", "nonsense"})), support::Error);
}

TEST(HelpErrors, OtherWordsAreOrdinaryHelp) {
    EXPECT_EQ(answer_to(help_with({})), help_text());
    EXPECT_EQ(answer_to(help_with({"run"})), help_text());
    EXPECT_EQ(answer_to(parse_options({"run", "--help"}, {})), help_text());
    EXPECT_EQ(answer_to(parse_options(resolved_arguments({"help", "errors", "cli."}, {}), {})),
              error_catalogue("cli."));
}

TEST(Version, NamesProgramCommitAndLibraries) {
    const std::string text = version_text();
    EXPECT_TRUE(text.starts_with(
        fmt::format("alphaprune_mpi {} ({})\n", program_version(), program_commit())))
        << text;
    EXPECT_FALSE(program_commit().empty());
    for (const char* library : {"MPI 3", "HDF5 1.", "ELPA 20", "ScaLAPACK"}) {
        EXPECT_NE(text.find(library), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace alphaprune::cli
