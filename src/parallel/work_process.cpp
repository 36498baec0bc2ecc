#include "alphaprune/parallel/work_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>

#include "alphaprune/parallel/launch.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/stop.hpp"
#include "watch/watch_texts.hpp"

namespace alphaprune::parallel {
namespace {

pid_t launcher = 0;                    // of the process that stays behind; 0: there is none
volatile std::sig_atomic_t child = 0;  // 0: none, or none any more

void hand_on(int signal) {
    if (child != 0) {
        ::kill(static_cast<pid_t>(child), signal);
    }
}

bool asks_for_stop(int signal) {
    return std::ranges::find(support::kStopSignals, signal) != support::kStopSignals.end();
}

/// While this lives, the signals that ask for a stop wait.
class SignalsHeldBack {
  public:
    SignalsHeldBack() {
        sigset_t held;
        sigemptyset(&held);
        for (const int signal : support::kStopSignals) {
            sigaddset(&held, signal);
        }
        sigprocmask(SIG_BLOCK, &held, &before_);
    }
    SignalsHeldBack(const SignalsHeldBack&) = delete;
    SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;
    ~SignalsHeldBack() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

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

/// Gives the watches of the other ranks time to say what has happened, and the launcher time to end
/// the job, this process with it. Whether there are none that do.
bool is_left_alone() {
    constexpr timespec kTimeOfOthers{5, 0};
    return ::nanosleep(&kTimeOfOthers, nullptr) == 0;  // a signal of the launcher cuts it short
}

/// What the process that stays behind does.
[[noreturn]] void wait_and_end_alike() {
    const pid_t worker = child;
    const int status = end_of_child();
    child = 0;
    if (WIFEXITED(status)) {
        ::_exit(WEXITSTATUS(status));
    }
    const int signal = WTERMSIG(status);
    if (asks_for_stop(signal)) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    if (is_left_alone()) {
        const std::string rank = std::to_string(find_launch().rank.value_or(0));
        support::say_past_the_log(killed_text(rank, support::host_name(), worker, signal));
    }
    ::_exit(static_cast<int>(support::ExitStatus::failed));
}

}  // namespace

void continue_in_child() {
    const pid_t self = ::getpid();
    const pid_t parent = ::getppid();
    {
        const SignalsHeldBack held_back;
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
        action.sa_handler = hand_on;
        sigemptyset(&action.sa_mask);
        for (const int signal : support::kStopSignals) {
            sigaction(signal, &action, nullptr);
        }
    }
    wait_and_end_alike();
}

pid_t launching_process() {
    return launcher != 0 ? launcher : ::getppid();
}

}  // namespace alphaprune::parallel
