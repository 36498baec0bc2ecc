#include "alphaprune/parallel/runtime.hpp"

#include <mpi.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/parallel/mpi_call.hpp"
#include "launcher.hpp"

namespace alphaprune {
namespace {

/// While this lives, Slurm's variables are not in the environment. For a time without threads.
class SlurmHidden {
  public:
    SlurmHidden() {
        for (const std::string& variable : whole_environment()) {
            if (variable.starts_with("SLURM_")) {
                ::unsetenv(variable.substr(0, variable.find('=')).c_str());
                hidden_.push_back(variable);
            }
        }
    }
    SlurmHidden(const SlurmHidden&) = delete;
    SlurmHidden& operator=(const SlurmHidden&) = delete;
    ~SlurmHidden() {
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
    std::optional<SlurmHidden> hidden;
    if (launch.kind == Launch::Kind::alone && !launch.by_launcher) {
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

}  // namespace alphaprune
