#include "alphaprune/parallel/runtime.hpp"

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/native_mpi.hpp"
#include "watch/launcher.hpp"

namespace alphaprune::parallel {
namespace {

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
