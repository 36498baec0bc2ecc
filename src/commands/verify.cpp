#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <system_error>

#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "commands.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<> kNoCheckpoint{
    "commands.nothing-to-verify", "there is no checkpoint.h5 to verify",
    "the run has written a Hugging Face folder only",
    "verify reads checkpoint.h5: run with --format hdf5 as well"};
const support::Failure<std::string> kUnsound{
    "commands.unsound-checkpoint", "verification failed: {}",
    "checkpoint or report was changed by another program, or damaged by a disk or a copy",
    "do not use this checkpoint: repeat the run that wrote it"};
/// What is to be verified: a run's output folder, or a checkpoint alone.
struct Target {
    fs::path checkpoint;
    std::optional<report::RunReport> report;
};

Target find_target(const parallel::Communicator& ranks, const fs::path& named) {
    const std::string kind = parallel::text_from_root(ranks, [&] {
        std::error_code ignored;
        if (!fs::is_directory(named, ignored)) {
            return "file";
        }
        if (!fs::exists(named / kCheckpointName, ignored) &&
            fs::exists(named / kFolderName, ignored)) {
            throw kNoCheckpoint(named.string());
        }
        return "folder";
    });
    return kind == "file" ? Target{named, std::nullopt}
                          : Target{named / kCheckpointName, report_in(ranks, named)};
}

std::vector<checkpoint::ExpectedMatrix> expected_of(const report::RunReport& report) {
    std::vector<checkpoint::ExpectedMatrix> expected;
    for (const report::MatrixReport& matrix : report.matrices) {
        expected.push_back({matrix.name, matrix.rows, matrix.cols, matrix.zeros.value_or(0),
                            matrix.sparsity_ratio.value_or(0)});
        if (matrix.slice) {
            expected.back().tensor = matrix.slice->tensor;
            model::MatrixInfo& slice = expected.back().slice;
            slice.rows = matrix.rows;
            slice.cols = matrix.cols;
            slice.transposed = matrix.transposed;
            slice.pattern = {matrix.slice->first, matrix.slice->run, matrix.slice->stride};
            slice.expert = matrix.slice->expert.value_or(-1);
            slice.slice_name = matrix.name;
        }
    }
    return expected;
}

/// The weighted mean of the ratios, where it must be the one that was asked for.
std::optional<double> mean_ratio(const report::RunReport& report) {
    const allocation::AllocationMethod* method =
        report.allocation ? allocation::find_allocation(report.allocation->name) : nullptr;
    if (!report.allocation || (method != nullptr && !method->is_computed()) ||
        report.sparsity_type.starts_with("mixed")) {
        return std::nullopt;
    }
    long double weights = 0;
    long double removed = 0;
    for (const report::MatrixReport& matrix : report.matrices) {
        const auto size = static_cast<long double>(matrix.rows * matrix.cols);
        weights += size;
        removed += size * matrix.sparsity_ratio.value_or(0);
    }
    return static_cast<double>(removed / weights);
}

/// Everything that was found wrong, the same on every rank.
std::vector<support::Fault> faults_of(const Target& target,
                                      const std::vector<std::string>& problems) {
    std::vector<support::Fault> faults;
    const auto add = [&](const support::Error& error) {
        faults.push_back(error.faults().front());
        faults.back().rank.clear();
    };
    for (const std::string& problem : problems) {
        add(kUnsound(target.checkpoint.string(), problem));
    }
    const std::optional<double> mean = target.report ? mean_ratio(*target.report) : std::nullopt;
    if (mean && std::abs(*mean - target.report->allocation->sparsity_ratio) > 1e-12) {
        add(kUnsound("report.json",
                     fmt::format("the ratios have the weighted mean {}, asked for was {}", *mean,
                                 target.report->allocation->sparsity_ratio)));
    }
    return faults;
}

}  // namespace

support::ExitStatus verify(const parallel::Communicator& ranks, const cli::Options& options) {
    const Target target = find_target(ranks, options.verify_target);
    const std::vector<checkpoint::ExpectedMatrix> expected =
        target.report ? expected_of(*target.report) : std::vector<checkpoint::ExpectedMatrix>{};
    const checkpoint::Verification result =
        checkpoint::verify_checkpoint(ranks, target.checkpoint, expected);
    if (std::vector<support::Fault> faults = faults_of(target, result.problems); !faults.empty()) {
        throw support::Error(support::ExitStatus::failed, std::move(faults)).mark_agreed();
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
