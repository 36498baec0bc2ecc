#include "alphaprune/commands/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string_view>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/cli/options.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/peak_memory.hpp"
#include "alphaprune/support/stop.hpp"
#include "commands.hpp"
#include "job.hpp"

namespace alphaprune::commands {
namespace {

const support::BadRequest<int> kSeparatedRanks{
    "commands.separated-ranks",
    "{} processes were started, but MPI knows of one only: each would do all of the work",
    "the mpirun of another MPI library than the program's has started them",
    "start it with the mpirun of the MPI library that it was built with (--version names it), or "
    "with srun --mpi=pmix"};
const support::BadRequest<> kNoDryRun{
    "commands.no-dry-run", "--dry-run is for run, analyze and sweep, whose work it leaves out",
    "another command would do all of its work", "leave --dry-run out; plan predicts a run"};
const support::Failure<std::string> kDefect{"commands.defect", "unexpected error: {}",
                                            "a defect of the program or of one of its libraries",
                                            "please report it"};

/// Rank 0 reads the request with its environment and configuration file; the others are sent
/// the outcome, so that all ranks do the same wherever they were started.
cli::Options agree_on_options(const parallel::Communicator& world, int argc, char** argv) {
    const std::string request = parallel::text_from_root(world, [&] {
        support::ByteWriter bytes;
        bytes(cli::resolved_arguments(std::vector<std::string>(argv + 1, argv + argc),
                                      support::whole_environment()));
        return bytes.take();
    });
    const auto words = support::ByteReader(request).get<std::vector<std::string>>();
    cli::Options options = cli::parse_options(words, {});
    options.command_line.assign(argv, argv + argc);
    return options;
}

/// Commands whose work can be resumed.
bool can_be_resumed(const cli::Options& options) {
    return cli::prunes(options.command) || options.command == cli::Command::analyze;
}

support::ExitStatus carry_out(const parallel::Communicator& world, const cli::Options& options,
                              parallel::JobWatch& watch) {
    // Whatever the table of options allows: who wants nothing written must be able to rely on it.
    if (options.dry_run && !can_be_resumed(options) && options.command != cli::Command::plan) {
        throw kNoDryRun("--dry-run").mark_agreed();
    }
    switch (options.command) {
        case cli::Command::run:
            return run(world, options, watch);
        case cli::Command::analyze:
            return analyze(world, options, watch);
        case cli::Command::sweep:
            return sweep(world, options, watch);
        case cli::Command::report:
            return compare_runs_in(world, options);
        case cli::Command::plan:
            return plan(world, options);
        case cli::Command::verify:
            return verify(world, options);
        case cli::Command::evaluate:
            return evaluate(world, options);
        case cli::Command::export_model:
            return export_model(world, options);
        case cli::Command::help:
        case cli::Command::version:
            break;
    }
    print_result(world, parallel::run_collectively(world, [&] { return cli::answer_to(options); }));
    return support::ExitStatus::done;
}

std::string how_to_continue(const cli::Options& options) {
    return fmt::format(
        "what is done is kept in {}; the same command with --resume continues from there",
        options.output.string());
}

constexpr std::string_view kWhatIsKept =
    "what was done before is kept in {}; once this is fixed, the same command with --resume "
    "continues from there";

/// Whether a run that ends with an error has left something to resume. That a request is wrong may
/// be found only after hours.
bool is_work_kept(const cli::Options& options, support::ExitStatus status) {
    try {
        return can_be_resumed(options) && (status == support::ExitStatus::failed
                                               ? resume::Journal::exists_in(options.output)
                                               : resume::Journal::holds_work(options.output));
    } catch (const support::Error&) {  // the run ends with another one
        return false;
    }
}

/// @param stopping_time  seconds, where there is a time limit
parallel::WatchOptions watch_options(const cli::Options& options,
                                     std::optional<double> stopping_time) {
    using std::chrono::milliseconds;
    constexpr double kUsual = 20;
    const auto in_ms = [](double seconds) {
        return milliseconds(static_cast<std::int64_t>(seconds * 1e3));
    };
    parallel::WatchOptions watch;
    watch.peer_timeout = in_ms(options.peer_timeout);
    if (can_be_resumed(options)) {
        watch.stop_grace_period = in_ms(std::min(kUsual, stopping_time.value_or(2 * kUsual) / 2));
        watch.after_stop = how_to_continue(options);
    }
    return watch;
}

/// The work itself, while the ranks watch each other. An error that only one rank knows of is
/// reported by the watch, which ends the other ranks, since they may be waiting for that one.
support::ExitStatus watched(const parallel::Communicator& world, const cli::Options& options,
                            std::optional<double> stopping_time) {
    parallel::JobWatch watch(world, watch_options(options, stopping_time));
    try {
        std::optional<support::MemoryWatch> memory;
        if (can_be_resumed(options)) {  // whose report says what memory was taken
            memory.emplace();
        }
        return carry_out(world, options, watch);
    } catch (const support::Error& error) {
        if (error.agreed()) {
            throw;
        }
        std::string text = error.what();
        if (is_work_kept(options, error.status())) {
            text += fmt::format(kWhatIsKept, options.output.string()) + '\n';
        }
        watch.end_job(text, error.status());
    } catch (const std::bad_alloc&) {
        watch.end_job(support::out_of_memory().what(), support::ExitStatus::failed);
    } catch (const std::exception& problem) {
        watch.end_job(kDefect("", problem.what()).what(), support::ExitStatus::failed);
    }
}

/// Why the ranks have stopped: the first of them that knows. Collective.
std::string common_stop_reason(const parallel::Communicator& world) {
    for (const std::string& reason : world.gather_texts(support::stop_reason())) {
        if (!reason.empty()) {
            return reason;
        }
    }
    return "as requested";
}

/// One line that says how to continue. Collective.
void report_stop(const parallel::Communicator& world, const cli::Options& options) {
    const std::string reason = common_stop_reason(world);
    support::log(support::LogLevel::error,
                 fmt::format("stopped early ({}): {}", reason, how_to_continue(options)));
}

/// The launcher and the program's MPI do not match: each process is rank 0 of 1.
bool are_separated(const parallel::Communicator& world, const parallel::Launch& launch) {
    return world.size() == 1 && launch.kind == parallel::Launch::Kind::in_job &&
           launch.ranks.value_or(1) > 1;
}

support::ExitStatus end_separated(const parallel::Launch& launch) {
    if (!launch.speaks()) {
        return support::ExitStatus::done;
    }
    const support::Error error = kSeparatedRanks("", launch.ranks.value_or(0));
    support::log(support::LogLevel::error, error.what());
    return error.status();
}

}  // namespace

void print_result(const parallel::Communicator& ranks, std::string_view text) {
    parallel::run_on_root(ranks, [&] { support::print_result(text); });
}

support::ExitStatus run_program(const parallel::Communicator& world, int argc, char** argv,
                                const Beginning& beginning) {
    support::start_log(world.is_root(), support::LogLevel::info);
    support::set_rank_name(fmt::format("{} on host {}", world.rank(), support::host_name()));
    if (are_separated(world, beginning.launch)) {
        return end_separated(beginning.launch);
    }
    linalg::use_one_blas_thread();
    const support::Stopwatch start;
    cli::Options options;
    try {
        options = beginning.options ? *beginning.options : agree_on_options(world, argc, argv);
        support::start_log(world.is_root(), options.log_level);
        std::optional<double> stopping_time;
        if (can_be_resumed(options)) {
            stopping_time = set_time_limit(world, options, start);
        } else {
            support::stop_listening();
        }
        return watched(world, options, stopping_time);
    } catch (const support::Error& error) {
        if (!error.agreed() && world.size() > 1) {  // MPI has failed before the watch began
            support::write_to_stderr(error.what());
            world.abort(static_cast<int>(error.status()));
        }
        if (error.status() == support::ExitStatus::stopped) {
            report_stop(world, options);
        } else {
            support::log(support::LogLevel::error, error.what());
            if (is_work_kept(options, error.status())) {
                support::log(support::LogLevel::error,
                             fmt::format(kWhatIsKept, options.output.string()));
            }
        }
        support::close_log_file();
        return error.status();
    }
}

}  // namespace alphaprune::commands
