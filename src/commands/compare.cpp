#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <system_error>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "commands.hpp"
#include "compared_runs.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kComparison = "comparison";
constexpr std::array kExtensions{".csv", ".tex", ".html", ".json"};

const support::BadRequest<std::string> kComparisonExists{
    "commands.comparison-exists", "the output folder holds {} already",
    "an earlier comparison, or something else, is in it",
    "choose another --output, or give --overwrite to replace it"};

/// @throws Error (bad_request)
void prepare_comparison_folder(const cli::Options& options) {
    for (const char* extension : kExtensions) {
        const std::string name = std::string(kComparison) + extension;
        if (!options.overwrite && fs::exists(support::link_status_of(options.output / name))) {
            throw kComparisonExists(options.output.string(), name);
        }
    }
    std::error_code problem;
    fs::create_directories(options.output, problem);
    if (problem) {
        throw support::path_error("cannot make the output folder", options.output, problem.value(),
                                  "choose another --output");
    }
}

report::ComparisonHead head_of_comparison(const cli::Options& options) {
    using formats::Json;
    Json::Array words(options.command_line.begin(), options.command_line.end());
    return {"Comparison of pruned models",
            {{"command", fmt::format("{}", fmt::join(options.command_line, " "))},
             {"program", fmt::format("alphaprune_mpi {} ({})", cli::program_version(),
                                     cli::program_commit())}},
            {{"program",
              Json::Object{{"version", cli::program_version()}, {"commit", cli::program_commit()}}},
             {"command_line", std::move(words)}}};
}

}  // namespace

support::ExitStatus compare_runs_in(const parallel::Communicator& ranks,
                                    const cli::Options& options) {
    const std::string table = parallel::text_from_root(ranks, [&] {
        const report::Comparison comparison = report::compare_runs(reports_in(options.compared));
        prepare_comparison_folder(options);
        report::write_comparison(comparison, head_of_comparison(options), options.output,
                                 kComparison);
        return report::comparison_table(comparison);
    });
    print_result(ranks, table);
    support::log_info(fmt::format("{0}.html, {0}.csv, {0}.tex and {0}.json are in {1}", kComparison,
                                  options.output.string()));
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
