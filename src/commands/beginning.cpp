#include "alphaprune/commands/beginning.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/support/log.hpp"
#include "alphaprune/support/standard_streams.hpp"
#include "request.hpp"

namespace alphaprune {
namespace {

bool is_question(std::optional<Command> command) {
    return command == Command::help || command == Command::version;
}

ExitStatus answer(Command question, const Launch& launch) {
    if (launch.speaks()) {
        print_result(question == Command::help ? help_text() : version_text());
    }
    return ExitStatus::done;
}

/// These solvers hand a communicator to their library, also one of a single rank.
bool needs_mpi(const Options& options) {
    return options.solver && works_on_groups(*options.solver) &&
           *options.solver != Solver::two_stage;
}

Error unconnected(const Launch& launch) {
    return bad_request(
        fmt::format("srun has started {} tasks, but none knows of the others: each would do all of "
                    "the work",
                    launch.ranks.value_or(0)),
        "",
        "start it with srun --mpi=pmix (srun --mpi=list tells whether Slurm has it), or with "
        "mpirun inside the job (slurm/mpirun.sbatch); one process alone with srun --ntasks=1, or "
        "with ALPHAPRUNE_MPI=0 in the environment");
}

/// A process alone, or one that speaks for others that MPI would not find.
void begin_alone(Beginning& beginning, const std::vector<std::string>& arguments) {
    Options options = parse_options(arguments, whole_environment());
    if (is_question(options.command)) {
        beginning.end = answer(options.command, beginning.launch);
        return;
    }
    if (beginning.launch.kind == Launch::Kind::unconnected) {
        throw unconnected(beginning.launch);
    }
    beginning.starts_mpi = needs_mpi(options);
    beginning.options = std::move(options);
}

/// Every rank sees the same command line, so each of them comes to the same end by itself.
void begin_in_job(Beginning& beginning, const std::vector<std::string>& arguments) {
    if (!beginning.launch.rank) {
        return;  // who would speak?
    }
    FaultList faults;
    const Request request = request_of_line(arguments, faults);
    if (is_question(request.command)) {
        beginning.end = answer(*request.command, beginning.launch);
        return;
    }
    if (!faults.empty() && beginning.launch.speaks()) {
        static_cast<void>(parse_options(arguments, whole_environment()));  // finds all the faults
    }
    faults.throw_if_any();
}

/// The user may know better what starts this process.
void heed_wish(Launch& launch) {
    const auto with_mpi = switch_in(environment_variable, "ALPHAPRUNE_MPI");
    if (with_mpi == true) {
        launch.kind = Launch::Kind::in_job;
    } else if (with_mpi == false) {
        launch = {};
    }
}

/// The status to end with.
ExitStatus tell(const Error& error, const Launch& launch) {
    if (!launch.speaks()) {
        return ExitStatus::done;
    }
    log(LogLevel::error, error.what());
    if (launch.kind != Launch::Kind::alone) {
        // The others are about to end. A launcher that ended them because this one has failed would
        // give their status for that of the job.
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
    return error.status();
}

}  // namespace

Beginning begin_program(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    Beginning beginning;
    beginning.launch = find_launch();
    start_log(true, LogLevel::info);
    try {
        beginning.supervised =
            switch_in(environment_variable, "ALPHAPRUNE_SUPERVISE").value_or(true);
        heed_wish(beginning.launch);
        if (beginning.launch.kind == Launch::Kind::in_job) {
            begin_in_job(beginning, arguments);
        } else if (beginning.launch.speaks()) {
            begin_alone(beginning, arguments);
        } else {
            beginning.end = ExitStatus::done;
        }
    } catch (const Error& error) {
        beginning.end = tell(error, beginning.launch);
    }
    if (beginning.options) {
        beginning.options->command_line.assign(argv, argv + argc);
    }
    return beginning;
}

}  // namespace alphaprune
