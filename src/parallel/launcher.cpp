#include "launcher.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <string>

#include "alphaprune/parallel/work_process.hpp"

namespace alphaprune {
namespace {

using Seconds = std::chrono::duration<double>;

/// Whether the process ends within this time.
bool ends_within(const ProcessMark& process, Seconds time) {
    constexpr Seconds kStep{0.1};
    for (Seconds waited{0}; still_runs(process); waited += kStep) {
        if (waited >= time) {
            return false;
        }
        const timespec pause{0, 100'000'000};
        ::nanosleep(&pause, nullptr);
    }
    return true;
}

/// All that the small process does; only calls that are allowed in a process just forked.
[[noreturn]] void end_it_with_patience(const ProcessMark& launcher) {
    ::setsid();  // mpirun ends each rank with its whole process group
    const long files = std::clamp(::sysconf(_SC_OPEN_MAX), 256L, 65536L);
    for (int file = 0; file < files; ++file) {
        ::close(file);  // mpirun waits for the last writer to a rank's standard error
    }
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
        ::signal(signal, SIG_IGN);
    }
    // Not SIGTERM: Open MPI 4's mpirun, which is ending the job already, takes that for an order to
    // break off and crashes with pages of noise.
    if (!ends_within(launcher, Seconds(4))) {
        ::kill(launcher.pid, SIGKILL);
    }
    ::_exit(0);
}

}  // namespace

std::optional<Launcher> find_launcher() {
    const auto parent = mark_of(launching_process());
    if (!parent) {
        return std::nullopt;
    }
    std::ifstream file("/proc/" + std::to_string(parent->pid) + "/comm");
    std::string name;
    std::getline(file, name);
    const auto is_one_of = [&](auto names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (is_one_of(std::array{"mpirun", "mpiexec", "orterun", "prterun"})) {
        return Launcher{*parent, true};
    }
    if (is_one_of(std::array{"orted", "prted"})) {
        return Launcher{*parent, false};
    }
    return std::nullopt;
}

void end_launcher_later(const Launcher& launcher) {
    if (::fork() == 0) {
        end_it_with_patience(launcher.process);
    }
}

}  // namespace alphaprune
