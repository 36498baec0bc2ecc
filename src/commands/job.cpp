#include "job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/model/find_model.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/planning/finished_run.hpp"
#include "alphaprune/planning/rank_budget.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "forward_settings.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

using support::BadRequest;
using support::Warning;

const BadRequest<int, int> kTooManyThreads{
    "commands.too-many-threads",
    "--threads-per-rank asks for {} threads, and a rank has {} of the cores",
    "with fewer cores than threads all of them would wait for each other",
    "give each rank more cores (srun --cpus-per-task=N, mpirun --map-by node:PE=N), or start one "
    "rank per core"};
const BadRequest<> kOtherRunComplete{
    "commands.complete-run-differs",
    "the run in the output folder is complete, and was another one",
    "its model or options differ from those of this run",
    "choose another --output, or give --overwrite instead of --resume"};
const Warning<> kGenericFamily{
    "commands.unknown-architecture",
    "the architecture is not known by name: linear layers inside the decoder blocks are recognized "
    "by the names and shapes of their weights; check the table of matrices and what is left out",
    "the model_type of config.json is none that the program knows",
    "compare the table of matrices with the model; --include and --exclude correct it"};
const Warning<std::string> kDamagedJournal{"commands.damaged-journal", "the journal is damaged: {}",
                                           "the run was killed while it wrote, or the disk failed",
                                           "nothing: what was damaged is computed again"};

const Warning<> kSynthetic{
    "commands.synthetic-weights", "the weights are synthetic: made up, in the shape of the model",
    "--synthetic was given", "do not take the results for those of the real model"};
const Warning<std::string> kBlocks{
    "commands.chosen-blocks", "only {} (--blocks): the others are neither measured nor pruned",
    "--blocks was given", "leave --blocks out to prune the whole model"};

/// What readers of the results should know of how the model was chosen.
std::vector<std::string> notes_on(const model::Catalogue& catalogue, const cli::Options& options) {
    std::vector<std::string> notes;
    if (catalogue.origin == model::WeightOrigin::synthetic) {
        notes.push_back(kSynthetic());
    }
    if (options.blocks) {
        const auto [first, last] = *options.blocks;
        notes.push_back(kBlocks(first == last ? fmt::format("block {}", first)
                                              : fmt::format("blocks {} to {}", first, last)));
    }
    return notes;
}

void describe_run(const Job& job) {
    const model::Catalogue& catalogue = job.catalogue;
    const auto plural = [](std::size_t count) { return count == 1 ? "" : "s"; };
    support::log_info(fmt::format(
        "{}: {} family, {} blocks, {} prunable matrices, {:.4g} million weights",
        catalogue.model_name, catalogue.family, catalogue.prunable_blocks().size(),
        catalogue.matrices.size(), static_cast<double>(catalogue.prunable_parameters()) / 1e6));
    const auto ranks = static_cast<std::size_t>(job.ranks.size());
    const auto threads = static_cast<std::size_t>(job.threads_per_rank);
    const linalg::ForwardPrecision forward = job.forward.precision;
    const std::string precision = forward == linalg::ForwardPrecision::float32
                                      ? ""
                                      : fmt::format(", products in {}", linalg::name_of(forward));
    support::log_info(
        fmt::format("{} rank{} on {} host{}, {} thread{} per rank, {:.0f} GFLOP/s per rank{}",
                    ranks, plural(ranks), job.hosts.size(), plural(job.hosts.size()), threads,
                    plural(threads), job.rates.dgemm_gflops, precision));
    const model::PrunableShare share =
        model::prunable_share(catalogue, job.options.matrices, job.options.blocks);
    support::log_info(fmt::format(
        "{:.4g} % of the weights of the blocks {}* are prunable; left "
        "out: {}",
        100 * share.share(), catalogue.decoder.prefix, model::list_left_out(share.left_out)));
    if (catalogue.family == "generic") {
        support::log_warning(kGenericFamily());
    }
}

/// Whether there is something to resume, as rank 0 sees it. Collective.
EarlierRun earlier_run(const Job& job) {
    EarlierRun found = EarlierRun::none;
    parallel::run_on_root(job.ranks, [&] {
        found = job.options.resume ? earlier_run_in(job.options.output) : EarlierRun::none;
    });
    return static_cast<EarlierRun>(job.ranks.max(static_cast<int>(found)));
}

/// There is nothing to do, unless the run that is complete was another one. Collective.
bool leave_complete(const Job& job, const std::optional<report::RunReport>& former) {
    const std::string folder = job.options.output.string();
    if (!former || former->identity != job.identity) {
        throw kOtherRunComplete(folder).mark_agreed();
    }
    parallel::run_on_root(job.ranks, [&] {
        resume::Journal::remove(job.options.output);  // if the program was killed at the end
    });
    support::log_info(fmt::format("the run in {} is complete: nothing is left to do", folder));
    return false;
}

/// Says what an earlier attempt has left.
void describe_earlier(const Job& job) {
    const resume::EarlierResults& earlier = job.journal->earlier();
    if (job.journal->attempt() == 1) {
        return;
    }
    for (const std::string& damage : earlier.damage) {
        support::log_warning(kDamagedJournal(damage));
    }
    const auto tensors = std::ranges::count_if(
        earlier.tensors, [](const auto& tensor) { return tensor.has_value(); });
    support::log_info(fmt::format(
        "resumed (attempt {} of this run): {} of {} spectra and {} of {} tensors are there",
        job.journal->attempt(), job.resumed_matrices, earlier.has_spectrum.size(), tensors,
        earlier.tensors.size()));
}

}  // namespace

void prepare_output(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                    std::uint64_t bytes_needed, EarlierRun earlier) {
    const std::filesystem::path& output = job.options.output;
    if (earlier == EarlierRun::unfinished) {
        // First, before anything is touched: the journal refuses another run.
        job.journal.emplace(resume::Journal::resume(job.ranks, job.catalogue, output, identity,
                                                    sequences, provenance_here()));
    }
    parallel::run_on_root(job.ranks, [&] {
        if (job.journal) {
            reopen_output_folder(job.options, bytes_needed);
            support::open_log_file(output / kLogName, support::LogFile::continued);
        } else {
            prepare_output_folder(job.options, job.catalogue.folder, bytes_needed);
            support::open_log_file(output / kLogName, support::LogFile::anew,
                                   fmt::format("alphaprune_mpi {} ({})", cli::program_version(),
                                               cli::program_commit()));
        }
    });
    if (!job.journal) {
        const std::string created =
            job.ranks.broadcast_text(job.ranks.is_root() ? support::utc_timestamp() : "");
        job.journal.emplace(resume::Journal::begin(job.ranks, job.catalogue, output, identity,
                                                   created, provenance_here()));
    }
    job.watch.look_for_stop_file((job.sweep != nullptr ? job.sweep->options : job.options).output /
                                 kStopName);
}

int threads_per_rank(const parallel::Communicator& ranks, const cli::Options& options) {
    const int given = planning::threads_of_each_rank(ranks, support::environment_variable);
    const int threads = options.threads_per_rank.value_or(given);
    if (threads > std::max(given, 1)) {
        throw kTooManyThreads("", threads, given).mark_agreed();
    }
    return threads;
}

parallel::NodeMap place_ranks(const parallel::Communicator& ranks, int threads) {
    return parallel::NodeMap(
        ranks, std::make_shared<const parallel::ThreadPool>(threads, linalg::use_one_blas_thread));
}

void Job::note(const std::vector<std::string>& warnings) {
    std::vector<std::string> untold = warnings;
    if (sweep != nullptr) {
        std::erase_if(untold, [&](const std::string& warning) {
            return std::ranges::find(sweep->notes, warning) != sweep->notes.end();
        });
    }
    say_warnings(untold);
    notes.insert(notes.end(), warnings.begin(), warnings.end());
}

void keep_timeline(Job& job, const std::string& phase, parallel::WorkClock& clock) {
    const std::vector<parallel::RankTimes> times = parallel::gather_times(job.ranks, clock);
    const std::vector<std::string> hosts = job.ranks.gather_texts(support::host_name());
    if (job.ranks.is_root()) {
        job.timeline.emplace_back(phase, report::timeline_of(times, hosts));
        support::log_info(report::timeline_line(phase, job.timeline.back().second));
    }
}

Job read_model(const parallel::Communicator& ranks, const cli::Options& options,
               parallel::JobWatch& watch) {
    Job job{ranks, options, watch};
    job.threads_per_rank = threads_per_rank(ranks, options);
    const auto card = device::card_of_rank(ranks, ranks.split_by_node(), options.device);
    job.forward = forward_settings(ranks, options, card);
    if (!options.solver) {  // one that is asked for is one of processors
        job.card = card;
    }
    job.catalogue = job.clock.measure("catalogue", [&] { return load_model(ranks, options); });
    job.notes = job.catalogue.warnings;  // logged by load_model
    job.note(notes_on(job.catalogue, options));
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
    job.identity = identity.digest();
    const std::optional<report::RunReport> former = former_report(job.ranks, job.options.output);
    const EarlierRun earlier = earlier_run(job);
    if (earlier == EarlierRun::complete) {
        return leave_complete(job, former);
    }
    prepare_output(job, identity, sequences, bytes_needed, earlier);
    begin_work(job, former);
    return true;
}

void begin_work(Job& job, const std::optional<report::RunReport>& former) {
    job.hosts = different_ones(job.ranks, support::host_name());
    job.started = support::utc_timestamp();
    job.rates = job.sweep != nullptr ? job.sweep->rates : job.clock.measure("probe", [&] {
        return planning::measure_machine_rates(job.ranks);
    });
    if (former) {
        job.corrections = planning::solver_corrections(*former, job.rates);
    }
    job.resumed_matrices = std::ranges::count(job.journal->earlier().has_spectrum, true);
    describe_run(job);
    describe_earlier(job);
    job.note(provenance_notes(job.ranks, *job.journal));
}

void work_on(const Job& job, const std::function<void()>& work) {
    try {
        work();
    } catch (const support::Error& error) {
        if (error.agreed() && error.status() == support::ExitStatus::bad_request) {
            parallel::run_on_root(job.ranks, [&] {
                if (!resume::Journal::holds_work(job.options.output)) {
                    discard_unfinished_run(job.options);
                }
            });
        }
        throw;
    }
}

}  // namespace alphaprune::commands
