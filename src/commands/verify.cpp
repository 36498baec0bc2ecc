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

namespace alphaprune {
namespace fs = std::filesystem;
namespace {

/// What is to be verified: a run's output folder, or a checkpoint alone.
struct Target {
    fs::path checkpoint;
    std::optional<RunReport> report;
};

Target find_target(const Communicator& ranks, const fs::path& named) {
    const std::string report_text = from_root(ranks, [&] {
        std::error_code ignored;
        if (!fs::is_directory(named, ignored)) {
            return std::string();
        }
        if (!fs::exists(named / "checkpoint.h5", ignored) && fs::exists(named / "hf", ignored)) {
            throw bad_request("there is no checkpoint.h5 to verify", named.string(),
                              "verify reads checkpoint.h5: run with --format hdf5 as well");
        }
        return read_text(named / "report.json");
    });
    if (report_text.empty()) {
        return {named, std::nullopt};
    }
    const std::string where = (named / "report.json").string();
    return {named / "checkpoint.h5", together(ranks, [&] {
                return std::optional(run_report_from_json(Json::parse(report_text, where), where));
            })};
}

std::vector<ExpectedMatrix> expected_of(const RunReport& report) {
    std::vector<ExpectedMatrix> expected;
    for (const MatrixReport& matrix : report.matrices) {
        expected.push_back({matrix.name, matrix.rows, matrix.cols, matrix.zeros.value_or(0),
                            matrix.sparsity_ratio.value_or(0)});
    }
    return expected;
}

/// Whether the weighted mean of the ratios is what was asked for.
void check_overall_ratio(const RunReport& report, std::vector<std::string>& problems) {
    if (!report.allocation || report.allocation->name.starts_with("file:") ||
        report.sparsity_type.starts_with("mixed")) {
        return;
    }
    long double weights = 0;
    long double removed = 0;
    for (const MatrixReport& matrix : report.matrices) {
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

ExitStatus verify(const Communicator& ranks, const Options& options) {
    const Target target = find_target(ranks, options.verify_target);
    const std::vector<ExpectedMatrix> expected =
        target.report ? expected_of(*target.report) : std::vector<ExpectedMatrix>{};
    Verification result = verify_checkpoint(ranks, target.checkpoint, expected);
    if (target.report) {
        check_overall_ratio(*target.report, result.problems);
    }
    if (!result.problems.empty()) {
        FaultList faults;
        for (const std::string& problem : result.problems) {
            faults.add(problem, target.checkpoint.string(),
                       "do not use this checkpoint: repeat the run that wrote it");
        }
        throw Error(ExitStatus::failed, faults.faults()).mark_agreed();
    }
    const std::string compared =
        target.report ? fmt::format("all {} prunable matrices as report.json says", expected.size())
                      : "there is no report to compare with";
    print_result(ranks, fmt::format("verified {}: {} tensors, {} values, {} zeros, {}; {}\n",
                                    target.checkpoint.string(), result.tensors, result.values,
                                    result.zeros, human_bytes(result.bytes), compared));
    return ExitStatus::done;
}

}  // namespace alphaprune
