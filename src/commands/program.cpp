#include "alphaprune/commands/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string_view>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/commands/options.hpp"
#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/schedule/journal.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/stop.hpp"
#include "result.hpp"
#include "time_limit.hpp"

namespace alphaprune {
namespace {

/// Rank 0 reads the request with its environment and configuration file; the others hear the
/// outcome, so that all ranks do the same wherever they were started.
Options agree_on_options(const Communicator& world, int argc, char** argv) {
    const std::string request = from_root(world, [&] {
        ByteWriter bytes;
        bytes(resolved_arguments(std::vector<std::string>(argv + 1, argv + argc),
                                 whole_environment()));
        return bytes.take();
    });
    const auto words = ByteReader(request).get<std::vector<std::string>>();
    Options options = parse_options(words, {});
    options.command_line.assign(argv, argv + argc);
    return options;
}

/// Commands whose work can be gone on with.
bool can_be_resumed(const Options& options) {
    return options.command == Command::run || options.command == Command::analyze;
}

ExitStatus carry_out(const Communicator& world, const Options& options, JobWatch& watch) {
    switch (options.command) {
        case Command::run:
            return run(world, options, watch);
        case Command::analyze:
            return analyze(world, options, watch);
        case Command::plan:
            return plan(world, options);
        case Command::verify:
            return verify(world, options);
        case Command::evaluate:
            return evaluate(world, options);
        case Command::export_model:
            return export_model(world, options);
        case Command::help:
        case Command::version:
            break;
    }
    print_result(world, options.command == Command::help ? help_text() : version_text());
    return ExitStatus::done;
}

std::string how_to_go_on(const Options& options) {
    return fmt::format(
        "what is done is kept in {}; the same command with --resume goes on from there",
        options.output.string());
}

constexpr std::string_view kWhatIsKept =
    "what was done before is kept in {}; once this is put right, the same command with --resume "
    "goes on from there";

/// Whether a run that ends with an error has left something to go on with. A request that is wrong
/// may have been found so only after hours.
bool is_work_kept(const Options& options, ExitStatus status) {
    try {
        return can_be_resumed(options) &&
               (status == ExitStatus::failed ? Journal::exists_in(options.output)
                                             : Journal::holds_work(options.output));
    } catch (const Error&) {  // the run ends with another one
        return false;
    }
}

/// @param stopping_time  seconds, where there is a time limit
WatchOptions watch_options(const Options& options, std::optional<double> stopping_time) {
    using std::chrono::milliseconds;
    constexpr double kUsual = 20;
    const auto in_ms = [](double seconds) {
        return milliseconds(static_cast<std::int64_t>(seconds * 1e3));
    };
    WatchOptions watch;
    watch.peer_timeout = in_ms(options.peer_timeout);
    if (can_be_resumed(options)) {
        watch.stop_patience = in_ms(std::min(kUsual, stopping_time.value_or(2 * kUsual) / 2));
        watch.after_stop = how_to_go_on(options);
    }
    return watch;
}

/// The work itself, and the watch over the ranks meanwhile. An error that only one rank knows of is
/// said by the watch, which ends the other ranks, since they may be waiting for that one.
ExitStatus watched(const Communicator& world, const Options& options,
                   std::optional<double> stopping_time) {
    JobWatch watch(world, watch_options(options, stopping_time));
    try {
        return carry_out(world, options, watch);
    } catch (const Error& error) {
        if (error.agreed()) {
            throw;
        }
        std::string text = error.what();
        if (is_work_kept(options, error.status())) {
            text += fmt::format(kWhatIsKept, options.output.string()) + '\n';
        }
        watch.end_job(text, error.status());
    } catch (const std::bad_alloc&) {
        watch.end_job(out_of_memory().what(), ExitStatus::failed);
    } catch (const std::exception& problem) {
        watch.end_job(to_text({problem.what(), "", "this is a defect: please report it"}),
                      ExitStatus::failed);
    }
}

/// Why the ranks have stopped: the first of them that knows. Collective.
std::string common_stop_reason(const Communicator& world) {
    for (const std::string& reason : world.gather_texts(stop_reason())) {
        if (!reason.empty()) {
            return reason;
        }
    }
    return "it was asked to";
}

/// One line that says how to go on. Collective.
void tell_of_stop(const Communicator& world, const Options& options) {
    const std::string reason = common_stop_reason(world);
    log(LogLevel::error, fmt::format("stopped early ({}): {}", reason, how_to_go_on(options)));
}

/// The launcher and the program's MPI do not go together: each process is rank 0 of 1.
bool are_separated(const Communicator& world, const Launch& launch) {
    return world.size() == 1 && launch.kind == Launch::Kind::in_job && launch.ranks.value_or(1) > 1;
}

ExitStatus end_separated(const Launch& launch) {
    if (!launch.speaks()) {
        return ExitStatus::done;
    }
    const Error error = bad_request(
        fmt::format("{} processes were started, but MPI knows of one only: each would do all of "
                    "the work",
                    launch.ranks.value_or(0)),
        "",
        "start it with the mpirun of the MPI library that it was built with (--version names it), "
        "or with srun --mpi=pmix");
    log(LogLevel::error, error.what());
    return error.status();
}

}  // namespace

ExitStatus run_program(const Communicator& world, int argc, char** argv,
                       const Beginning& beginning) {
    start_log(world.is_root(), LogLevel::info);
    name_this_rank(fmt::format("{} on host {}", world.rank(), host_name()));
    if (are_separated(world, beginning.launch)) {
        return end_separated(beginning.launch);
    }
    use_one_blas_thread();
    const Stopwatch start;
    Options options;
    try {
        options = beginning.options ? *beginning.options : agree_on_options(world, argc, argv);
        start_log(world.is_root(), options.log_level);
        std::optional<double> stopping_time;
        if (can_be_resumed(options)) {
            stopping_time = set_time_limit(world, options, start);
        } else {
            stop_listening();
        }
        return watched(world, options, stopping_time);
    } catch (const Error& error) {
        if (!error.agreed() && world.size() > 1) {  // MPI has failed before there was a watch
            say_past_the_log(error.what());
            world.abort(static_cast<int>(error.status()));
        }
        if (error.status() == ExitStatus::stopped) {
            tell_of_stop(world, options);
        } else {
            log(LogLevel::error, error.what());
            if (is_work_kept(options, error.status())) {
                log(LogLevel::error, fmt::format(kWhatIsKept, options.output.string()));
            }
        }
        close_log_file();
        return error.status();
    }
}

}  // namespace alphaprune
