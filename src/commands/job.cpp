#include "job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "alphaprune/model/other_formats.hpp"
#include "alphaprune/model/prunable_share.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/planning/thread_budget.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "find_finished_run.hpp"
#include "model_source.hpp"
#include "output_folder.hpp"
#include "output_names.hpp"
#include "provenance.hpp"
#include "result.hpp"

namespace alphaprune::commands {
namespace {

std::vector<std::string> hosts_of(const parallel::Communicator& ranks) {
    const std::vector<std::string> all = ranks.all_gather_texts(support::host_name());
    const std::set<std::string> different(all.begin(), all.end());
    return {different.begin(), different.end()};
}

void describe_model(Job& job) {
    report::RunReport& report = job.report;
    const model::Catalogue& catalogue = job.catalogue;
    report.model_name = catalogue.model_name;
    report.family = catalogue.family;
    report.blocks = static_cast<int>(catalogue.prunable_blocks().size());
    report.prunable_parameters = catalogue.prunable_parameters();
    report.shown_metric = spectrum::name_of(job.options.metric);
    const model::PrunableShare share =
        model::prunable_share(catalogue, job.options.matrices, job.options.blocks);
    report.block_weights = share.block_weights;
    for (const model::LeftOut& group : share.left_out) {
        report.left_out.push_back({group.names, group.reason, group.tensors, group.weights});
    }
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        report::MatrixReport entry;
        entry.name = catalogue.name_of(matrix);
        entry.block = matrix.block;
        entry.rows = matrix.rows;
        entry.cols = matrix.cols;
        entry.transposed = matrix.transposed;
        report.matrices.push_back(std::move(entry));
    }
}

/// What was asked for, or what the cores given to the ranks allow. Collective.
int threads_per_rank(const Job& job) {
    const int given = planning::threads_of_each_rank(job.ranks, support::environment_variable);
    const int threads = job.options.threads_per_rank.value_or(given);
    if (threads > std::max(given, 1)) {
        throw support::bad_request(
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
    report::RunReport& report = job.report;
    report.program_version = cli::program_version();
    report.program_commit = cli::program_commit();
    report.command_line = job.options.command_line;
    report.ranks = job.ranks.size();
    report.hosts = hosts_of(job.ranks);
    report.started = support::utc_timestamp();
    job.rates =
        job.clock.measure("probe", [&] { return planning::measure_machine_rates(job.ranks); });
    report.gemm_gflops = job.rates.dgemm_gflops;
}

void greet(const Job& job) {
    const report::RunReport& report = job.report;
    support::log_info(
        fmt::format("{}: {} family, {} blocks, {} prunable matrices, {:.4g} million weights",
                    report.model_name, report.family, report.blocks, report.matrices.size(),
                    static_cast<double>(report.prunable_parameters) / 1e6));
    support::log_info(fmt::format(
        "{} rank{} on {} host{}, {} thread{} a rank, {:.0f} GFLOP/s a rank", report.ranks,
        report.ranks == 1 ? "" : "s", report.hosts.size(), report.hosts.size() == 1 ? "" : "s",
        report.threads_per_rank, report.threads_per_rank == 1 ? "" : "s", report.gemm_gflops));
    const model::PrunableShare share =
        model::prunable_share(job.catalogue, job.options.matrices, job.options.blocks);
    support::log_info(fmt::format(
        "{:.4g} % of the weights of the blocks {}* are prunable; left out: {}", 100 * share.share(),
        job.catalogue.decoder.prefix, model::list_left_out(share.left_out)));
    if (job.catalogue.family == "generic") {
        support::log_warning(
            "the architecture is not known by name: linear layers inside the decoder blocks are "
            "told by the names and shapes of their weights; check the table of matrices and what "
            "is left out");
    }
}

/// Each owner draws the spectra it holds; the pictures travel to rank 0 as text.
std::vector<report::SpectrumPicture> gather_pictures(const parallel::Communicator& ranks,
                                                     const phases::SpectrumResults& spectra) {
    constexpr int kBins = 60;
    std::vector<report::SpectrumPicture> pictures;
    std::vector<double> ranges;
    std::vector<std::int64_t> counts;
    for (const auto& eigenvalues : spectra.eigenvalues) {
        report::SpectrumPicture picture;
        if (!eigenvalues.empty()) {
            picture = report::picture_of(eigenvalues, kBins);
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
    const EarlierRun found = parallel::together(job.ranks, [&] {
        return job.options.resume && job.ranks.is_root() ? earlier_run_in(job.options.output)
                                                         : EarlierRun::none;
    });
    return static_cast<EarlierRun>(job.ranks.max(static_cast<int>(found)));
}

/// There is nothing to do, unless the run that is complete was another one. Collective.
bool leave_complete(const Job& job, const std::optional<report::RunReport>& former) {
    const std::string folder = job.options.output.string();
    if (!former || former->identity != job.report.identity) {
        throw support::bad_request(
            "the run in the output folder is complete, and was another one", folder,
            "choose another --output, or give --overwrite instead of --resume")
            .mark_agreed();
    }
    parallel::together(job.ranks, [&] {
        if (job.ranks.is_root()) {
            resume::Journal::remove(
                job.options.output);  // where the program was killed at the very end
        }
    });
    support::log_info(fmt::format("the run in {} is complete: nothing is left to do", folder));
    return false;
}

void make_output_ready(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                       std::uint64_t bytes_needed, EarlierRun earlier) {
    const std::filesystem::path& output = job.options.output;
    if (earlier == EarlierRun::unfinished) {
        // First, before anything is touched: the journal refuses another run.
        job.journal.emplace(resume::Journal::resume(job.ranks, job.catalogue, output, identity,
                                                    sequences, provenance_here()));
    }
    parallel::together(job.ranks, [&] {
        if (job.ranks.is_root() && job.journal) {
            reopen_output_folder(job.options, bytes_needed);
            support::open_log_file(output / kLogName, support::LogFile::continued);
        } else if (job.ranks.is_root()) {
            prepare_output_folder(job.options, job.catalogue.folder, bytes_needed);
            support::open_log_file(output / kLogName);
            support::log_to_file(fmt::format("alphaprune_mpi {} ({})", cli::program_version(),
                                             cli::program_commit()));
        }
    });
    if (!job.journal) {
        const std::string created =
            job.ranks.broadcast_text(job.ranks.is_root() ? support::utc_timestamp() : "");
        job.journal.emplace(resume::Journal::begin(job.ranks, job.catalogue, output, identity,
                                                   created, provenance_here()));
    }
    job.watch.look_for_stop_file(stop_file_in(output));
}

/// Says what an earlier attempt has left.
void describe_earlier(Job& job) {
    const resume::EarlierResults& earlier = job.journal->earlier();
    job.report.attempts = job.journal->attempt();
    job.report.resumed_matrices = std::ranges::count(earlier.has_spectrum, true);
    if (job.report.attempts == 1) {
        return;
    }
    for (const std::string& damage : earlier.damage) {
        support::log_warning("the journal is damaged: " + damage);
    }
    if (job.options.pruner->bits_depend_on_ranks &&
        job.journal->first_ranks() != job.report.ranks) {
        support::log_warning(
            fmt::format("this run was begun on {} ranks and goes on with {}: {}'s sums are taken "
                        "in another order then, so that the last bits of the weights may differ "
                        "from those of a run on one number of ranks",
                        job.journal->first_ranks(), job.report.ranks, job.options.pruner->title));
    }
    const auto tensors = std::ranges::count_if(
        earlier.tensors, [](const auto& tensor) { return tensor.has_value(); });
    support::log_info(
        fmt::format("resumed (start {} of this run): {} of {} spectra and {} of {} tensors are "
                    "there",
                    job.report.attempts, job.report.resumed_matrices, earlier.has_spectrum.size(),
                    tensors, earlier.tensors.size()));
}

}  // namespace

void Job::note_said(const std::vector<std::string>& warnings) {
    report.notes.insert(report.notes.end(), warnings.begin(), warnings.end());
    said.insert(warnings.begin(), warnings.end());
}

Job read_model(const parallel::Communicator& ranks, const cli::Options& options,
               parallel::JobWatch& watch) {
    if (is_checkpoint(options.model)) {
        parallel::together(ranks, [&] { model::refuse_other_format(options.model); });
        throw support::bad_request("--model is a file, and this command needs a model folder",
                                   options.model.string(),
                                   "make a folder of it first: alphaprune_mpi export --model FILE "
                                   "--output DIR")
            .mark_agreed();
    }
    Job job{ranks, options, watch, {}, {}, {}};
    job.catalogue = job.clock.measure("catalogue", [&] { return load_model(ranks, options); });
    describe_model(job);
    job.report.notes = notes_on(job.catalogue, options);
    job.said.insert(job.catalogue.warnings.begin(), job.catalogue.warnings.end());
    return job;
}

std::uint64_t bytes_of_spectra(const model::Catalogue& catalogue) {
    std::uint64_t bytes = 0;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        bytes += sizeof(double) * static_cast<std::uint64_t>(std::min(matrix.rows, matrix.cols));
    }
    return bytes;
}

bool open_output(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                 std::uint64_t bytes_needed) {
    job.report.threads_per_rank = threads_per_rank(job);  // may be refused: before anything is made
    job.report.identity = identity.digest();
    const std::optional<report::RunReport> former = former_report(job.ranks, job.options.output);
    const EarlierRun earlier = earlier_run(job);
    if (earlier == EarlierRun::complete) {
        return leave_complete(job, former);
    }
    make_output_ready(job, identity, sequences, bytes_needed, earlier);
    describe_run(job);
    if (former) {
        job.corrections = planning::solver_corrections(*former, job.rates);
    }
    greet(job);
    describe_earlier(job);
    tell_of_provenance(job);
    return true;
}

void finish_job(Job& job, const phases::SpectrumResults* spectra) {
    const std::vector<report::SpectrumPicture> pictures =
        spectra ? gather_pictures(job.ranks, *spectra) : std::vector<report::SpectrumPicture>{};
    job.report.seconds = job.clock.total();
    job.report.phases = job.clock.phases();
    job.report.peak_memory = job.ranks.max(support::peak_memory());
    std::string table;
    parallel::together(job.ranks, [&] {
        if (!job.ranks.is_root()) {
            return;
        }
        const std::filesystem::path& folder = job.options.output;
        report::write_matrices_csv(job.report, folder);
        report::write_metric_files(job.report, folder);
        report::write_html_report(job.report, pictures, folder);
        report::write_report_json(job.report, folder);  // last: its presence says that all is there
        resume::Journal::remove(folder);
        for (const std::string& note : job.report.notes) {
            if (!job.said.contains(note)) {
                support::log_warning(note);
            }
        }
        table = report::block_table(job.report) + report::perplexity_lines(job.report);
        support::log_to_file("\n" + table);
    });
    print_result(job.ranks, table);
    support::log_info(fmt::format("done in {}; peak memory of this rank {}; results in {}",
                                  support::human_duration(job.clock.total()),
                                  support::human_bytes(support::peak_memory()),
                                  job.options.output.string()));
    support::close_log_file();
}

}  // namespace alphaprune::commands
