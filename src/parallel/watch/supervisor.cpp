#include "alphaprune/parallel/job_watch.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/stop.hpp"
#include "launcher.hpp"
#include "watch_texts.hpp"

namespace alphaprune::parallel {
namespace {

pid_t launcher = 0;                    // of the supervisor; 0: there is none
volatile std::sig_atomic_t child = 0;  // 0: none, or none any more

void forward_signal(int signal) {
    if (child != 0) {
        ::kill(static_cast<pid_t>(child), signal);
    }
}

bool requests_stop(int signal) {
    return std::ranges::find(support::kStopSignals, signal) != support::kStopSignals.end();
}

/// While this lives, the signals that request a stop are blocked.
class StopSignalsBlocked {
  public:
    StopSignalsBlocked() {
        sigset_t held;
        sigemptyset(&held);
        for (const int signal : support::kStopSignals) {
            sigaddset(&held, signal);
        }
        sigprocmask(SIG_BLOCK, &held, &before_);
    }
    StopSignalsBlocked(const StopSignalsBlocked&) = delete;
    StopSignalsBlocked& operator=(const StopSignalsBlocked&) = delete;
    ~StopSignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

/// The status that waitpid gives.
int end_of_child() {
    int status = 0;
    while (::waitpid(static_cast<pid_t>(child), &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/// Gives the watches of the other ranks time to report what has happened, and the launcher time to
/// end the job, this process with it. @return whether nothing of that came
bool nobody_else_reports() {
    constexpr timespec kTimeOfOthers{5, 0};
    return ::nanosleep(&kTimeOfOthers, nullptr) == 0;  // a signal of the launcher cuts it short
}

/// What the supervisor does.
[[noreturn]] void wait_and_exit_like_child() {
    const pid_t worker = child;
    const int status = end_of_child();
    child = 0;
    if (WIFEXITED(status)) {
        ::_exit(WEXITSTATUS(status));
    }
    const int signal = WTERMSIG(status);
    if (requests_stop(signal)) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    if (nobody_else_reports()) {
        const std::string rank = std::to_string(find_launch().rank.value_or(0));
        support::write_to_stderr(killed_text(rank, support::host_name(), worker, signal));
    }
    ::_exit(static_cast<int>(support::ExitStatus::failed));
}

}  // namespace

void continue_in_child() {
    const pid_t self = ::getpid();
    const pid_t parent = ::getppid();
    {
        const StopSignalsBlocked blocked;
        const pid_t made = ::fork();
        if (made < 0) {
            return;
        }
        launcher = parent;
        if (made == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != self) {  // killed already
                ::_exit(static_cast<int>(support::ExitStatus::failed));
            }
            return;
        }
        child = made;
        struct sigaction action {};
        action.sa_handler = forward_signal;
        sigemptyset(&action.sa_mask);
        for (const int signal : support::kStopSignals) {
            sigaction(signal, &action, nullptr);
        }
    }
    wait_and_exit_like_child();
}

pid_t launching_process() {
    return launcher != 0 ? launcher : ::getppid();
}

}  // namespace alphaprune::parallel
