#include "job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "alphaprune/model/other_formats.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/schedule/farms_phase.hpp"
#include "alphaprune/schedule/memory_budget.hpp"
#include "alphaprune/schedule/thread_budget.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "environment_variable.hpp"
#include "finished_run.hpp"
#include "model_source.hpp"
#include "output_folder.hpp"
#include "result.hpp"

namespace alphaprune {
namespace {

std::vector<std::string> hosts_of(const Communicator& ranks) {
    const std::vector<std::string> all = ranks.all_gather_texts(host_name());
    const std::set<std::string> different(all.begin(), all.end());
    return {different.begin(), different.end()};
}

void describe_model(Job& job) {
    RunReport& report = job.report;
    const Catalogue& catalogue = job.catalogue;
    report.model_name = catalogue.model_name;
    report.family = catalogue.family;
    report.blocks = static_cast<int>(catalogue.prunable_blocks().size());
    report.prunable_parameters = catalogue.prunable_parameters();
    report.shown_metric = name_of(job.options.metric);
    for (const MatrixInfo& matrix : catalogue.matrices) {
        MatrixReport entry;
        entry.name = catalogue.name_of(matrix);
        entry.block = matrix.block;
        entry.rows = matrix.rows;
        entry.cols = matrix.cols;
        report.matrices.push_back(std::move(entry));
    }
}

/// What was asked for, or what the cores given to the ranks allow. Collective.
int threads_per_rank(const Job& job) {
    const int given = threads_of_each_rank(job.ranks, environment_variable);
    const int threads = job.options.threads_per_rank.value_or(given);
    if (threads > std::max(given, 1)) {
        throw bad_request(
            fmt::format("{} threads a rank were asked for, but a rank has {} core{}", threads,
                        given, given == 1 ? "" : "s"),
            "--threads-per-rank",
            "give each rank more cores (srun --cpus-per-task=N, mpirun --map-by node:PE=N), or "
            "start one rank a core")
            .mark_agreed();
    }
    return threads;
}

void describe_run(Job& job) {
    RunReport& report = job.report;
    report.program_version = program_version();
    report.program_commit = program_commit();
    report.command_line = job.options.command_line;
    report.ranks = job.ranks.size();
    report.hosts = hosts_of(job.ranks);
    report.started = utc_timestamp();
    job.rates = job.clock.measure("probe", [&] { return measure_machine_rates(job.ranks); });
    report.gemm_gflops = job.rates.dgemm_gflops;
}

void greet(const Job& job) {
    const RunReport& report = job.report;
    log_info(fmt::format("{}: {} family, {} blocks, {} prunable matrices, {:.4g} million weights",
                         report.model_name, report.family, report.blocks, report.matrices.size(),
                         static_cast<double>(report.prunable_parameters) / 1e6));
    log_info(fmt::format("{} rank{} on {} host{}, {} thread{} a rank, {:.0f} GFLOP/s a rank",
                         report.ranks, report.ranks == 1 ? "" : "s", report.hosts.size(),
                         report.hosts.size() == 1 ? "" : "s", report.threads_per_rank,
                         report.threads_per_rank == 1 ? "" : "s", report.gemm_gflops));
    if (job.catalogue.family == "generic") {
        log_warning(
            "the architecture is not known by name: every 2-D weight inside a numbered "
            "block is taken as prunable; check the table of matrices");
    }
}

void note_undefined_metrics(Job& job) {
    for (const MatrixReport& matrix : job.report.matrices) {
        const double alpha = matrix.metrics[job.options.metric];
        if (!std::isfinite(alpha) && !matrix.in_single) {
            job.report.notes.push_back(
                fmt::format("{}: {} is undefined (an all-zero matrix, or too few eigenvalues)",
                            matrix.name, name_of(job.options.metric)));
        }
    }
}

void measure_windows(Job& job) {
    const FarmsOptions& options = job.options.farms;
    const FarmsResults farms = job.clock.measure("farms", [&] {
        ProgressLine line("farms", "windows", job.ranks.is_root());
        return compute_farms(
            job.ranks, job.catalogue, options, job.options.solver,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
    for (std::size_t m = 0; m < farms.alphas.size(); ++m) {
        job.report.matrices[m].metrics[Metric::alpha_peak_farms] = farms.alphas[m];
    }
    job.report.farms = {options.aspect, options.largest_side, options.offsets, farms.windows};
}

SpectrumOptions spectrum_options(Job& job) {
    SpectrumOptions options;
    options.journal = &*job.journal;
    options.solver = job.options.solver;
    options.group_ranks = job.options.group_ranks;
    options.precision = job.options.precision;
    options.memory_per_rank = job.options.memory_per_rank
                                  ? *job.options.memory_per_rank
                                  : memory_of_each_rank(job.ranks, environment_variable);
    options.threads = job.report.threads_per_rank;
    options.costs.rates = job.rates;
    options.costs.corrections = job.corrections;
    return options;
}

/// With fewer threads than there are cores where the memory is too small for a matrix on each.
ShardPlan plan_within_memory(const Job& job, SpectrumOptions& options) {
    for (;;) {
        try {
            return plan_spectra(job.ranks, job.catalogue, options);
        } catch (const Error&) {
            if (options.threads == 1 || job.options.threads_per_rank) {
                throw;
            }
            options.threads /= 2;
        }
    }
}

/// "spectrum: about 2 min; 12 matrices on groups of 4 ranks, 48 on single ranks; 1.2 GB a rank"
std::string describe(const ShardPlan& plan) {
    if (plan.stages.empty()) {
        return "spectrum: nothing is left to compute";
    }
    std::vector<std::string> stages;
    for (const ShardStage& stage : plan.stages) {
        stages.push_back(fmt::format("{} matrices on {}", stage.matrices.size(),
                                     stage.group_ranks == 1
                                         ? "single ranks"
                                         : fmt::format("groups of {} ranks", stage.group_ranks)));
    }
    return fmt::format("spectrum: about {}; {}; {} a rank", human_duration(plan.seconds),
                       fmt::join(stages, ", "), human_bytes(plan.memory));
}

/// Each owner draws the spectra it holds; the pictures travel to rank 0 as text.
std::vector<SpectrumPicture> gather_pictures(const Communicator& ranks,
                                             const SpectrumResults& spectra) {
    constexpr int kBins = 60;
    std::vector<SpectrumPicture> pictures;
    std::vector<double> ranges;
    std::vector<std::int64_t> counts;
    for (const auto& eigenvalues : spectra.eigenvalues) {
        SpectrumPicture picture;
        if (!eigenvalues.empty()) {
            picture = picture_of(eigenvalues, kBins);
        }
        picture.counts.resize(kBins);
        ranges.push_back(picture.log10_min);
        ranges.push_back(picture.log10_max);
        counts.insert(counts.end(), picture.counts.begin(), picture.counts.end());
    }
    ranks.all_reduce_sum(std::span(ranges));
    ranks.all_reduce_sum(std::span(counts));
    for (std::size_t m = 0; m < spectra.eigenvalues.size(); ++m) {
        const auto first = counts.begin() + static_cast<std::ptrdiff_t>(m * kBins);
        pictures.push_back({ranges[2 * m], ranges[2 * m + 1], {first, first + kBins}});
    }
    return pictures;
}

/// Whether there is something to resume, as rank 0 sees it. Collective.
EarlierRun earlier_run(const Job& job) {
    int found = static_cast<int>(EarlierRun::none);
    if (job.options.resume && job.ranks.is_root()) {
        found = static_cast<int>(earlier_run_in(job.options.output));
    }
    return static_cast<EarlierRun>(job.ranks.max(found));
}

/// There is nothing to do, unless the run that is complete was another one. Collective.
bool leave_complete(const Job& job, const std::optional<RunReport>& former) {
    const std::string folder = job.options.output.string();
    if (!former || former->identity != job.report.identity) {
        throw bad_request("the run in the output folder is complete, and was another one", folder,
                          "choose another --output, or give --overwrite instead of --resume")
            .mark_agreed();
    }
    together(job.ranks, [&] {
        if (job.ranks.is_root()) {
            Journal::remove(job.options.output);  // where the program was killed at the very end
        }
    });
    log_info(fmt::format("the run in {} is complete: nothing is left to do", folder));
    return false;
}

void make_output_ready(Job& job, const RunIdentity& identity, std::int64_t sequences,
                       std::uint64_t bytes_needed, EarlierRun earlier) {
    const std::filesystem::path& output = job.options.output;
    if (earlier == EarlierRun::unfinished) {
        // First, before anything is touched: the journal refuses another run.
        job.journal.emplace(Journal::resume(job.ranks, job.catalogue, output, identity, sequences));
    }
    together(job.ranks, [&] {
        if (job.ranks.is_root() && job.journal) {
            reopen_output_folder(output, bytes_needed);
            open_log_file(output / "run.log", LogFile::continued);
        } else if (job.ranks.is_root()) {
            prepare_output_folder(job.options, job.catalogue.folder, bytes_needed);
            open_log_file(output / "run.log");
        }
    });
    if (!job.journal) {
        const std::string created =
            job.ranks.broadcast_text(job.ranks.is_root() ? utc_timestamp() : "");
        job.journal.emplace(Journal::begin(job.ranks, job.catalogue, output, identity, created));
    }
    job.watch.look_for_stop_file(stop_file_in(output));
}

/// Says what an earlier attempt has left.
void describe_earlier(Job& job) {
    const EarlierResults& earlier = job.journal->earlier();
    job.report.attempts = job.journal->attempt();
    job.report.resumed_matrices = std::ranges::count(earlier.has_spectrum, true);
    if (job.report.attempts == 1) {
        return;
    }
    for (const std::string& damage : earlier.damage) {
        log_warning("the journal is damaged: " + damage);
    }
    if (job.options.prune_method == PruneMethod::sparsegpt &&
        job.journal->first_ranks() != job.report.ranks) {
        log_warning(
            fmt::format("this run was begun on {} ranks and goes on with {}: SparseGPT's sums are "
                        "taken in another order then, so that the last bits of the weights may "
                        "differ from those of a run on one number of ranks",
                        job.journal->first_ranks(), job.report.ranks));
    }
    const auto tensors = std::ranges::count_if(
        earlier.tensors, [](const auto& tensor) { return tensor.has_value(); });
    log_info(
        fmt::format("resumed (start {} of this run): {} of {} spectra and {} of {} tensors are "
                    "there",
                    job.report.attempts, job.report.resumed_matrices, earlier.has_spectrum.size(),
                    tensors, earlier.tensors.size()));
}

}  // namespace

Job read_model(const Communicator& ranks, const Options& options, JobWatch& watch) {
    if (is_checkpoint(options.model)) {
        together(ranks, [&] { refuse_other_format(options.model); });
        throw bad_request("--model is a file, and this command needs a model folder",
                          options.model.string(),
                          "make a folder of it first: alphaprune_mpi export --model FILE "
                          "--output DIR")
            .mark_agreed();
    }
    Job job{ranks, options, watch, {}, {}, {}};
    job.catalogue = job.clock.measure("catalogue", [&] { return load_model(ranks, options); });
    describe_model(job);
    job.report.notes = notes_on(job.catalogue, options);
    return job;
}

bool open_output(Job& job, const RunIdentity& identity, std::int64_t sequences,
                 std::uint64_t bytes_needed) {
    job.report.threads_per_rank = threads_per_rank(job);  // may be refused: before anything is made
    job.report.identity = identity.digest();
    const std::optional<RunReport> former = former_report(job.ranks, job.options.output);
    const EarlierRun earlier = earlier_run(job);
    if (earlier == EarlierRun::complete) {
        return leave_complete(job, former);
    }
    make_output_ready(job, identity, sequences, bytes_needed, earlier);
    describe_run(job);
    if (former) {
        job.corrections = solver_corrections(*former, job.rates);
    }
    greet(job);
    describe_earlier(job);
    return true;
}

SpectrumResults measure_spectra(Job& job) {
    SpectrumOptions options = spectrum_options(job);
    const ShardPlan plan = plan_within_memory(job, options);
    job.report.threads_per_rank = options.threads;
    log_info(describe(plan));
    SpectrumResults spectra = job.clock.measure("spectrum", [&] {
        ProgressLine line("spectrum", "matrices", job.ranks.is_root());
        return compute_spectra(
            job.ranks, job.catalogue, options, plan,
            plan.stages.empty() ? Progress{} : [&](std::int64_t done, std::int64_t total) {
                line.update(done, total);
            });
    });
    for (std::size_t m = 0; m < spectra.matrices.size(); ++m) {
        const MatrixSpectrum& from = spectra.matrices[m];
        MatrixReport& to = job.report.matrices[m];
        to.metrics = from.metrics;
        to.has_metrics = true;
        to.solver = name_of(from.solver);
        if (from.failed_solver) {
            job.report.notes.push_back(
                fmt::format("{}: solver {} failed; the spectrum was computed by {}", to.name,
                            name_of(*from.failed_solver), name_of(from.solver)));
        }
        to.in_single = from.in_single;
        to.group_ranks = from.group_ranks;
        to.seconds = from.seconds;
    }
    if (job.options.metric == Metric::alpha_peak_farms) {
        measure_windows(job);
    }
    note_undefined_metrics(job);
    return spectra;
}

void finish_job(Job& job, const SpectrumResults* spectra) {
    const std::vector<SpectrumPicture> pictures =
        spectra ? gather_pictures(job.ranks, *spectra) : std::vector<SpectrumPicture>{};
    job.report.seconds = job.clock.total();
    job.report.phases = job.clock.phases();
    job.report.peak_memory = job.ranks.max(peak_memory());
    std::string table;
    together(job.ranks, [&] {
        if (!job.ranks.is_root()) {
            return;
        }
        const std::filesystem::path& folder = job.options.output;
        write_matrices_csv(job.report, folder);
        write_metric_files(job.report, folder);
        write_html_report(job.report, pictures, folder);
        write_report_json(job.report, folder);  // last: its presence says that all is there
        Journal::remove(folder);
        for (const std::string& note : job.report.notes) {
            if (std::ranges::find(job.catalogue.warnings, note) == job.catalogue.warnings.end()) {
                log_warning(note);  // those of the model were said when it was loaded
            }
        }
        table = block_table(job.report) + perplexity_lines(job.report);
        log_to_file("\n" + table);
    });
    print_result(job.ranks, table);
    log_info(fmt::format("done in {}; peak memory of this rank {}; results in {}",
                         human_duration(job.clock.total()), human_bytes(peak_memory()),
                         job.options.output.string()));
    close_log_file();
}

}  // namespace alphaprune
