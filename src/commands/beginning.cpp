#include "alphaprune/commands/program.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::commands {
namespace {

const support::BadRequest<int> kUnconnected{
    "commands.unconnected-tasks",
    "srun has started {} tasks, but none knows of the others: each would do all of the work",
    "srun without --mpi=pmix, on a system where the MpiDefault of Slurm is none",
    "start it with srun --mpi=pmix (srun --mpi=list tells whether Slurm has it), or with mpirun "
    "inside the job (slurm/mpirun.sbatch); a single process with srun --ntasks=1, or with "
    "ALPHAPRUNE_MPI=0 in the environment"};

support::ExitStatus answer(const cli::Options& question, const parallel::Launch& launch) {
    if (launch.speaks()) {
        support::print_result(cli::answer_to(question));
    }
    return support::ExitStatus::done;
}

/// These solvers pass a communicator to their library, even on a single rank.
bool needs_mpi(const cli::Options& options) {
    return options.solver && planning::spans_nodes(*options.solver);
}

/// A single process, or one that speaks for others that MPI would not find.
void begin_alone(Beginning& beginning, const std::vector<std::string>& arguments) {
    cli::Options options = cli::parse_options(arguments, support::whole_environment());
    if (cli::is_question(options.command)) {
        beginning.end = answer(options, beginning.launch);
        return;
    }
    if (beginning.launch.kind == parallel::Launch::Kind::unconnected) {
        throw kUnconnected("", beginning.launch.ranks.value_or(0));
    }
    beginning.starts_mpi = needs_mpi(options);
    beginning.options = std::move(options);
}

/// Every rank sees the same command line, so each of them comes to the same end by itself.
void begin_in_job(Beginning& beginning, const std::vector<std::string>& arguments) {
    if (!beginning.launch.rank) {
        return;  // no one rank can speak for the others
    }
    support::FaultList faults;
    if (const auto question = cli::check_command_line(arguments, faults)) {
        beginning.end = answer(*question, beginning.launch);
        return;
    }
    if (!faults.empty() && beginning.launch.speaks()) {
        static_cast<void>(
            cli::parse_options(arguments, support::whole_environment()));  // finds all the faults
    }
    faults.throw_if_any();
}

/// The user may override what the environment tells of how this process was started.
void apply_override(parallel::Launch& launch) {
    const auto with_mpi = support::switch_in(support::environment_variable, "ALPHAPRUNE_MPI");
    if (with_mpi == true) {
        launch.kind = parallel::Launch::Kind::in_job;
    } else if (with_mpi == false) {
        launch = {};
    }
}

/// The status to end with.
support::ExitStatus report_error(const support::Error& error, const parallel::Launch& launch) {
    if (!launch.speaks()) {
        return support::ExitStatus::done;
    }
    support::log(support::LogLevel::error, error.what());
    if (launch.kind != parallel::Launch::Kind::alone) {
        // The others are about to end. A launcher that ended them because this one has failed would
        // report their status as that of the job.
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
    return error.status();
}

}  // namespace

Beginning begin_program(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    Beginning beginning;
    beginning.launch = parallel::find_launch();
    support::start_log(true, support::LogLevel::info);
    try {
        beginning.supervised =
            support::switch_in(support::environment_variable, "ALPHAPRUNE_SUPERVISE")
                .value_or(true);
        apply_override(beginning.launch);
        if (beginning.launch.kind == parallel::Launch::Kind::in_job) {
            begin_in_job(beginning, arguments);
        } else if (beginning.launch.speaks()) {
            begin_alone(beginning, arguments);
        } else {
            beginning.end = support::ExitStatus::done;
        }
    } catch (const support::Error& error) {
        beginning.end = report_error(error, beginning.launch);
    }
    if (beginning.options) {
        beginning.options->command_line.assign(argv, argv + argc);
    }
    return beginning;
}

}  // namespace alphaprune::commands
