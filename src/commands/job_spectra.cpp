#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/phases/farms_phase.hpp"
#include "alphaprune/planning/memory_budget.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "job.hpp"

namespace alphaprune::commands {
namespace {

void note_undefined_metrics(Job& job) {
    for (const report::MatrixReport& matrix : job.report.matrices) {
        const double alpha = matrix.metrics[job.options.metric];
        if (!std::isfinite(alpha) && !matrix.in_single) {
            job.report.notes.push_back(
                fmt::format("{}: {} is undefined (an all-zero matrix, or too few eigenvalues)",
                            matrix.name, spectrum::name_of(job.options.metric)));
        }
    }
}

void measure_windows(Job& job) {
    const spectrum::FarmsOptions& options = job.options.farms;
    const phases::FarmsResults farms = job.clock.measure("farms", [&] {
        report::ProgressLine line("farms", "windows", job.ranks.is_root());
        return phases::compute_farms(
            job.ranks, job.catalogue, options, job.options.solver,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
    for (std::size_t m = 0; m < farms.alphas.size(); ++m) {
        job.report.matrices[m].metrics[spectrum::Metric::alpha_peak_farms] = farms.alphas[m];
    }
    job.report.farms = {options.aspect, options.largest_side, options.offsets, farms.windows};
}

phases::SpectrumOptions spectrum_options(Job& job) {
    phases::SpectrumOptions options;
    options.journal = &*job.journal;
    options.solver = job.options.solver;
    options.group_ranks = job.options.group_ranks;
    options.precision = job.options.precision;
    options.memory_per_rank =
        job.options.memory_per_rank
            ? *job.options.memory_per_rank
            : planning::memory_of_each_rank(job.ranks, support::environment_variable);
    options.threads = job.report.threads_per_rank;
    options.costs.rates = job.rates;
    options.costs.corrections = job.corrections;
    return options;
}

/// With fewer threads than there are cores where the memory is too small for a matrix on each.
planning::ShardPlan plan_within_memory(const Job& job, phases::SpectrumOptions& options) {
    for (;;) {
        try {
            return phases::plan_spectra(job.ranks, job.catalogue, options);
        } catch (const support::Error&) {
            if (options.threads == 1 || job.options.threads_per_rank) {
                throw;
            }
            options.threads /= 2;
        }
    }
}

/// "spectrum: about 2 min; 12 matrices on groups of 4 ranks, 48 on single ranks; 1.2 GB a rank"
std::string describe(const planning::ShardPlan& plan) {
    if (plan.stages.empty()) {
        return "spectrum: nothing is left to compute";
    }
    std::vector<std::string> stages;
    for (const planning::ShardStage& stage : plan.stages) {
        stages.push_back(fmt::format("{} matrices on {}", stage.matrices.size(),
                                     stage.group_ranks == 1
                                         ? "single ranks"
                                         : fmt::format("groups of {} ranks", stage.group_ranks)));
    }
    return fmt::format(
        "spectrum: about {}; {}; {} a rank", support::human_duration(plan.seconds),
        fmt::join(stages, ", "),
        support::human_bytes(plan.memory * static_cast<std::uint64_t>(plan.threads)));
}

}  // namespace

phases::SpectrumResults measure_spectra(Job& job) {
    phases::SpectrumOptions options = spectrum_options(job);
    const planning::ShardPlan plan = plan_within_memory(job, options);
    if (!plan.stages.empty()) {
        job.report.threads_per_rank = plan.threads;
    }
    support::log_info(describe(plan));
    phases::SpectrumResults spectra = job.clock.measure("spectrum", [&] {
        report::ProgressLine line("spectrum", "matrices", job.ranks.is_root());
        return phases::compute_spectra(
            job.ranks, job.catalogue, options, plan,
            plan.stages.empty() ? phases::Progress{} : [&](std::int64_t done, std::int64_t total) {
                line.update(done, total);
            });
    });
    for (std::size_t m = 0; m < spectra.matrices.size(); ++m) {
        const spectrum::MatrixSpectrum& from = spectra.matrices[m];
        report::MatrixReport& to = job.report.matrices[m];
        to.metrics = from.metrics;
        to.has_metrics = true;
        to.solver = linalg::name_of(from.solver);
        if (from.failed_solver) {
            job.report.notes.push_back(
                fmt::format("{}: solver {} failed; the spectrum was computed by {}", to.name,
                            linalg::name_of(*from.failed_solver), linalg::name_of(from.solver)));
        }
        to.in_single = from.in_single;
        to.group_ranks = from.group_ranks;
        to.seconds = from.seconds;
    }
    if (job.options.metric == spectrum::Metric::alpha_peak_farms) {
        measure_windows(job);
    }
    note_undefined_metrics(job);
    return spectra;
}

}  // namespace alphaprune::commands
