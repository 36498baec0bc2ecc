#include <fmt/format.h>

#include <cmath>

#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/commands/commands.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/machine.hpp"
#include "result.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

/// What is to be verified: a run's output folder, or a checkpoint alone.
struct Target {
    fs::path checkpoint;
    std::optional<report::RunReport> report;
};

Target find_target(const parallel::Communicator& ranks, const fs::path& named) {
    const std::string report_text = parallel::from_root(ranks, [&] {
        std::error_code ignored;
        if (!fs::is_directory(named, ignored)) {
            return std::string();
        }
        if (!fs::exists(named / "checkpoint.h5", ignored) && fs::exists(named / "hf", ignored)) {
            throw support::bad_request(
                "there is no checkpoint.h5 to verify", named.string(),
                "verify reads checkpoint.h5: run with --format hdf5 as well");
        }
        return support::read_text(named / "report.json");
    });
    if (report_text.empty()) {
        return {named, std::nullopt};
    }
    const std::string where = (named / "report.json").string();
    return {named / "checkpoint.h5", parallel::together(ranks, [&] {
                return std::optional(
                    report::run_report_from_json(formats::Json::parse(report_text, where), where));
            })};
}

std::vector<checkpoint::ExpectedMatrix> expected_of(const report::RunReport& report) {
    std::vector<checkpoint::ExpectedMatrix> expected;
    for (const report::MatrixReport& matrix : report.matrices) {
        expected.push_back({matrix.name, matrix.rows, matrix.cols, matrix.zeros.value_or(0),
                            matrix.sparsity_ratio.value_or(0)});
    }
    return expected;
}

/// Whether the weighted mean of the ratios is what was asked for.
void check_overall_ratio(const report::RunReport& report, std::vector<std::string>& problems) {
    const allocation::AllocationMethod* method =
        report.allocation ? allocation::find_allocation(report.allocation->name) : nullptr;
    if (!report.allocation || (method != nullptr && !method->is_computed()) ||
        report.sparsity_type.starts_with("mixed")) {
        return;
    }
    long double weights = 0;
    long double removed = 0;
    for (const report::MatrixReport& matrix : report.matrices) {
        const auto size = static_cast<long double>(matrix.rows * matrix.cols);
        weights += size;
        removed += size * matrix.sparsity_ratio.value_or(0);
    }
    const double mean = static_cast<double>(removed / weights);
    if (std::abs(mean - report.allocation->sparsity_ratio) > 1e-12) {
        problems.push_back(
            fmt::format("report.json: the ratios have the weighted mean {}, asked "
                        "for was {}",
                        mean, report.allocation->sparsity_ratio));
    }
}

}  // namespace

support::ExitStatus verify(const parallel::Communicator& ranks, const cli::Options& options) {
    const Target target = find_target(ranks, options.verify_target);
    const std::vector<checkpoint::ExpectedMatrix> expected =
        target.report ? expected_of(*target.report) : std::vector<checkpoint::ExpectedMatrix>{};
    checkpoint::Verification result =
        checkpoint::verify_checkpoint(ranks, target.checkpoint, expected);
    if (target.report) {
        check_overall_ratio(*target.report, result.problems);
    }
    if (!result.problems.empty()) {
        support::FaultList faults;
        for (const std::string& problem : result.problems) {
            faults.add(problem, target.checkpoint.string(),
                       "do not use this checkpoint: repeat the run that wrote it");
        }
        throw support::Error(support::ExitStatus::failed, faults.faults()).mark_agreed();
    }
    const std::string compared =
        target.report ? fmt::format("all {} prunable matrices as report.json says", expected.size())
                      : "there is no report to compare with";
    print_result(ranks, fmt::format("verified {}: {} tensors, {} values, {} zeros, {}; {}\n",
                                    target.checkpoint.string(), result.tensors, result.values,
                                    result.zeros, support::human_bytes(result.bytes), compared));
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
