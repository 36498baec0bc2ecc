#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <map>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/planning/rank_budget.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

const support::Warning<std::string, std::string_view, std::string_view> kSolverFailed{
    "commands.solver-failed", "{}: solver {} failed; the spectrum was computed by {}",
    "the check of the eigenvalues found those of the first solver wrong; the others passed it",
    "if this happens often, look for a node whose memory, processor or BLAS is faulty"};
const support::Warning<std::string, std::string_view> kUndefinedMetric{
    "commands.undefined-metric", "{}: {} is undefined (an all-zero matrix, or too few eigenvalues)",
    "the matrix is all zero or too small for a fit",
    "choose another --metric if the matrix should count in the allocation"};

/// The names of all matrices whose metric is undefined, unless it was computed in float32, which
/// leaves some metrics out.
void note_undefined_metrics(const Job& job, Spectra& spectra) {
    for (std::size_t m = 0; m < spectra.metrics.size(); ++m) {
        const double value = spectra.metrics[m][job.options.metric];
        if (!std::isfinite(value) && !spectra.computed->matrices[m].in_single) {
            spectra.notes.push_back(
                kUndefinedMetric(job.catalogue.name_of(job.catalogue.matrices[m]),
                                 spectrum::name_of(job.options.metric)));
        }
    }
}

phases::FarmsResults measure_windows(Job& job) {
    return job.clock.measure("farms", [&] {
        report::ProgressLine line("farms", "windows", job.ranks.is_root());
        return phases::compute_farms(
            job.ranks, job.catalogue, job.options.farms, job.options.solver,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
}

/// What all the ranks' cards are called. Collective.
void describe_cards(const Job& job) {
    std::map<std::string, int> cards;
    for (const std::string& name :
         job.ranks.gather_texts(job.card ? job.card->name : std::string())) {
        if (!name.empty()) {
            ++cards[name];
        }
    }
    for (const auto& [name, count] : cards) {
        support::log_info(fmt::format("spectra on {} x {}", count, name));
    }
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
    options.threads = job.threads_per_rank;
    options.card = job.card ? std::optional(job.card->index) : std::nullopt;
    options.costs.rates = job.rates;
    options.costs.corrections = job.corrections;
    return options;
}

/// Uses fewer threads than there are cores if the memory is too small for a matrix on each.
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

/// "spectrum: about 2 min; 12 matrices on groups of 4 ranks, 48 on single ranks; 1.2 GB per rank"
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
        "spectrum: about {}; {}; {} per rank", support::human_duration(plan.seconds),
        fmt::join(stages, ", "),
        support::human_bytes(plan.memory * static_cast<std::uint64_t>(plan.threads)));
}

}  // namespace

Spectra measure_spectra(Job& job) {
    phases::SpectrumOptions options = spectrum_options(job);
    const planning::ShardPlan plan = plan_within_memory(job, options);
    support::log_info(describe(plan));
    describe_cards(job);
    Spectra spectra;
    if (!plan.stages.empty()) {
        spectra.threads_per_rank = plan.threads;
    }
    spectra.computed = job.clock.measure("spectrum", [&] {
        report::ProgressLine line("spectrum", "matrices", job.ranks.is_root());
        return phases::compute_spectra(
            job.ranks, job.catalogue, options, plan,
            plan.stages.empty() ? phases::Progress{} : [&](std::int64_t done, std::int64_t total) {
                line.update(done, total);
            });
    });
    for (std::size_t m = 0; m < spectra.computed->matrices.size(); ++m) {
        const spectrum::MatrixSpectrum& matrix = spectra.computed->matrices[m];
        spectra.metrics.push_back(matrix.metrics);
        if (matrix.failed_solver) {
            spectra.notes.push_back(kSolverFailed(job.catalogue.name_of(job.catalogue.matrices[m]),
                                                  linalg::name_of(*matrix.failed_solver),
                                                  linalg::name_of(matrix.solver)));
        }
    }
    if (job.options.metric == spectrum::Metric::alpha_peak_farms) {
        spectra.farms = measure_windows(job);
        for (std::size_t m = 0; m < spectra.metrics.size(); ++m) {
            spectra.metrics[m][spectrum::Metric::alpha_peak_farms] = spectra.farms->alphas[m];
        }
    }
    note_undefined_metrics(job, spectra);
    return spectra;
}

Spectra read_cached_metric(const Job& job) {
    const std::vector<double> values = parallel::run_collectively(
        job.ranks, [&] { return read_metric_cache(job.options.metric_cache, job.catalogue); });
    Spectra spectra;
    for (const double value : values) {
        spectrum::ShapeMetrics& metrics = spectra.metrics.emplace_back();
        metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
        metrics[job.options.metric] = value;
    }
    return spectra;
}

}  // namespace alphaprune::commands
