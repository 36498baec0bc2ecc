#include "alphaprune/parallel/runtime.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/support/number.hpp"
#include "watch/launcher.hpp"

namespace alphaprune::parallel {
namespace {

using Kind = Launch::Kind;

/// What a launcher calls a process's number and how many there are; no name: it does not tell.
struct Variables {
    const char* rank;
    const char* ranks;
};

/// Inner launchers first: what mpirun starts in a Slurm job also has Slurm's variables, those of
/// mpirun's own daemon; and Open MPI's processes have PMIx's.
constexpr std::array kLaunchers{
    Variables{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},  // Open MPI's mpirun
    Variables{"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},    // MVAPICH2
    Variables{"MVP_COMM_WORLD_RANK", "MVP_COMM_WORLD_SIZE"},    // MVAPICH
    Variables{"PMI_RANK", "PMI_SIZE"},  // MPICH, Intel MPI, srun --mpi=pmi2, Cray
    Variables{"PALS_RANKID", ""},       // HPE Cray EX
    Variables{"ALPS_APP_PE", ""},       // Cray XC
    Variables{"FLUX_TASK_RANK", "FLUX_JOB_SIZE"},
    Variables{"JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"},  // IBM's jsrun
    Variables{"PMIX_RANK", ""},                             // srun --mpi=pmix, prun
};

/// Of launchers that tell MPI alone who it is.
constexpr std::array kConnections{"PMI_FD", "PMI_PORT", "PMIX_NAMESPACE"};

/// Of the first of these variables that holds one.
std::optional<std::int64_t> number_in(const support::EnvironmentLookup& environment,
                                      std::initializer_list<const char*> variables) {
    for (const char* const variable : variables) {
        const auto number = support::number_in<std::int64_t>(environment(variable).value_or(""));
        if (number && *number >= 0) {
            return number;
        }
    }
    return std::nullopt;
}

std::optional<int> small_number_in(const support::EnvironmentLookup& environment,
                                   std::initializer_list<const char*> variables) {
    const auto number = number_in(environment, variables);
    return number && *number <= INT32_MAX ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

/// The tasks of the step that srun has started; nothing outside one, as in a job's script or in the
/// shell that salloc opens.
std::optional<int> tasks_of_slurm_step(const support::EnvironmentLookup& environment) {
    constexpr std::int64_t kNoStepsOfSrun = 0xfffffff0;  // the script, the interactive shell, …
    const auto step = number_in(environment, {"SLURM_STEP_ID", "SLURM_STEPID"});
    if (!step || *step >= kNoStepsOfSrun || !number_in(environment, {"SLURM_PROCID"})) {
        return std::nullopt;
    }
    return small_number_in(environment, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"});
}

/// srun's PMIx server tells no size in a variable; Slurm does. Several jobs that srun starts as one
/// (heterogeneous ones) have sizes each.
std::optional<int> tasks_under_slurm_pmix(const support::EnvironmentLookup& environment) {
    const bool of_slurm = environment("PMIX_NAMESPACE").value_or("").starts_with("slurm.");
    return of_slurm && !environment("SLURM_HET_SIZE") ? tasks_of_slurm_step(environment)
                                                      : std::nullopt;
}

Launch started_by(const Variables& launcher, int rank,
                  const support::EnvironmentLookup& environment) {
    Launch launch{Kind::in_job, rank, small_number_in(environment, {launcher.ranks}),
                  &launcher == &kLaunchers.front()};
    if (launcher.rank == std::string_view("PMIX_RANK")) {
        launch.ranks = tasks_under_slurm_pmix(environment);
    }
    if (launch.ranks == 1) {
        launch.kind = Kind::alone;
    }
    return launch;
}

/// Open MPI's tasks find each other over PMI or PMIx; of the other libraries some know Slurm's own
/// way.
SlurmSupport support_of_this_library() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
    return std::string_view(text.data()).starts_with("Open MPI") ? SlurmSupport::pmi
                                                                 : SlurmSupport::none;
}

/// What launchers tell MPI, other than how it is to work.
bool is_of_launchers(std::string_view variable) {
    return variable.starts_with("SLURM_") || variable.starts_with("PMI_") ||
           (variable.starts_with("PMIX_") && !variable.starts_with("PMIX_MCA_"));
}

/// While this lives, the environment tells of no launcher. For a time without threads.
class LaunchersHidden {
  public:
    LaunchersHidden() {
        for (const std::string& variable : support::whole_environment()) {
            if (is_of_launchers(variable)) {
                ::unsetenv(variable.substr(0, variable.find('=')).c_str());
                hidden_.push_back(variable);
            }
        }
    }
    LaunchersHidden(const LaunchersHidden&) = delete;
    LaunchersHidden& operator=(const LaunchersHidden&) = delete;
    ~LaunchersHidden() {
        for (const std::string& variable : hidden_) {
            const std::size_t name_end = variable.find('=');
            ::setenv(variable.substr(0, name_end).c_str(), variable.c_str() + name_end + 1, 1);
        }
    }

  private:
    std::vector<std::string> hidden_;
};

}  // namespace

Launch launch_of(const support::EnvironmentLookup& environment, SlurmSupport support) {
    for (const Variables& launcher : kLaunchers) {
        if (const auto rank = small_number_in(environment, {launcher.rank})) {
            return started_by(launcher, *rank, environment);
        }
    }
    const auto task = small_number_in(environment, {"SLURM_PROCID"});
    const auto tasks = tasks_of_slurm_step(environment);
    const auto is_set = [&](const char* variable) { return environment(variable).has_value(); };
    if (std::ranges::any_of(kConnections, is_set)) {
        return {Kind::in_job, tasks ? task : std::nullopt, std::nullopt, false};
    }
    if (tasks.value_or(1) == 1) {
        return {};
    }
    return {support == SlurmSupport::pmi ? Kind::unconnected : Kind::in_job, task, tasks, false};
}

Launch find_launch() {
    return launch_of(support::environment_variable, support_of_this_library());
}

MpiRuntime::MpiRuntime(int& argc, char**& argv, const Launch& launch) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<LaunchersHidden> hidden;
    if (launch.kind == Launch::Kind::alone && !launch.by_mpirun) {
        hidden.emplace();
    }
    const LauncherGuard guard;
    int provided = MPI_THREAD_SINGLE;
    check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
}

MpiRuntime::~MpiRuntime() {
    static_cast<void>(MPI_Finalize());
}

bool supports_threads() {
    int level = MPI_THREAD_SINGLE;
    int started = 0;
    check_mpi(MPI_Initialized(&started), "MPI_Initialized");
    if (started == 0) {
        return true;  // nothing of MPI is called at all
    }
    check_mpi(MPI_Query_thread(&level), "MPI_Query_thread");
    return level == MPI_THREAD_MULTIPLE;
}

}  // namespace alphaprune::parallel
