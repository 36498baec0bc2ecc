#include "launcher.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <string>

namespace alphaprune::parallel {
namespace {

using Seconds = std::chrono::duration<double>;

// In the forked processes only calls that are allowed after fork.

constexpr Seconds kStep{0.1};

void wait_a_step() {
    constexpr timespec kPause{0, 100'000'000};
    ::nanosleep(&kPause, nullptr);
}

void leave_the_job() {
    ::setsid();  // mpirun ends each rank with its whole process group
    const long files = std::clamp(::sysconf(_SC_OPEN_MAX), 256L, 65536L);
    for (int file = 0; file < files; ++file) {
        ::close(file);  // mpirun waits for the last writer to a rank's standard error
    }
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
        ::signal(signal, SIG_IGN);
    }
}

/// Ends the launcher if it is still there after this time.
[[noreturn]] void end_after(const ProcessIdentity& launcher, Seconds timeout) {
    for (Seconds waited{0}; is_running(launcher) && waited < timeout; waited += kStep) {
        wait_a_step();
    }
    // Not SIGTERM: Open MPI 4's mpirun, which is ending the job already, takes that for an order to
    // abort and crashes with pages of output.
    if (is_running(launcher)) {
        ::kill(launcher.pid, SIGKILL);
    }
    ::_exit(0);
}

}  // namespace

std::optional<Launcher> find_launcher() {
    const auto parent = identify_process(launching_process());
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
        leave_the_job();
        end_after(launcher.process, Seconds(4));
    }
}

LauncherGuard::LauncherGuard() {
    const auto launcher = find_launcher();
    if (!launcher) {
        return;
    }
    const pid_t self = ::getpid();
    guard_ = ::fork();
    if (guard_ == 0) {
        leave_the_job();
        while (::getppid() == self) {
            wait_a_step();
        }
        end_after(launcher->process, Seconds(20));
    }
}

LauncherGuard::~LauncherGuard() {
    if (guard_ > 0) {
        ::kill(guard_, SIGKILL);
        ::waitpid(guard_, nullptr, 0);
    }
}

}  // namespace alphaprune::parallel
