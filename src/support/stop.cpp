#include "alphaprune/support/stop.hpp"

#include <unistd.h>
#include <ctime>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "alphaprune/support/message.hpp"
#include "first_signal.hpp"

namespace alphaprune::support {
namespace {

const ErrorMessage<ExitStatus::stopped> kStopped{
    "support.stopped", "stopped early on request",
    "a signal, --max-time, the end of the batch job, or the file `stop` in the output",
    "continue with --resume"};

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::int64_t nanoseconds(std::chrono::steady_clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

struct StopState {
    std::atomic<bool> requested = false;  ///< other than by a signal
    std::atomic<bool> abandoned = false;
    FirstSignal signal;
    std::atomic<std::int64_t> deadline = kNever;
    std::mutex mutex;  ///< of the texts
    std::string reason;
    std::string deadline_reason;
};

StopState& state() {
    static StopState one;
    return one;
}

/// Only what a signal handler may do: lock-free atomics, clock_gettime, write, _exit.
void on_signal(int signal) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    if (state().signal.arrived(signal, microseconds) == FirstSignal::Meaning::abort) {
        constexpr std::string_view kText = "alphaprune_mpi: a second signal: aborted\n";
        static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
        ::_exit(128 + signal);
    }
}

std::string name_of_signal(int signal) {
    constexpr std::array kNames{"SIGTERM", "SIGINT", "SIGUSR1"};
    static_assert(kNames.size() == kStopSignals.size());
    return kNames.at(std::ranges::find(kStopSignals, signal) - kStopSignals.begin());
}

void mask_stop_signals(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : kStopSignals) {
        sigaddset(&signals, signal);
    }
    sigprocmask(how, &signals, nullptr);
}

bool deadline_passed() {
    const std::int64_t deadline = state().deadline.load(std::memory_order_relaxed);
    return deadline != kNever && nanoseconds(std::chrono::steady_clock::now()) >= deadline;
}

}  // namespace

void hold_stop_signals() {
    mask_stop_signals(SIG_BLOCK);
}

void listen_for_stop_signals() {
    state();  // made before a signal can need it
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (const int signal : kStopSignals) {
        sigaction(signal, &action, nullptr);
    }
    mask_stop_signals(SIG_UNBLOCK);
}

void stop_listening() {
    for (const int signal : kStopSignals) {
        std::signal(signal, SIG_DFL);
    }
    if (const int signal = state().signal.signal(); signal != 0) {
        std::raise(signal);
    }
}

void request_stop(std::string_view reason) {
    StopState& stop = state();
    const std::scoped_lock lock(stop.mutex);
    if (stop.reason.empty()) {
        stop.reason = reason;
    }
    stop.requested = true;
}

void set_deadline(std::chrono::steady_clock::time_point deadline, std::string_view reason) {
    StopState& stop = state();
    const std::scoped_lock lock(stop.mutex);
    const std::int64_t time = nanoseconds(deadline);
    if (time < stop.deadline) {
        stop.deadline = time;
        stop.deadline_reason = reason;
    }
}

std::optional<double> seconds_left() {
    const std::int64_t deadline = state().deadline;
    if (deadline == kNever) {
        return std::nullopt;
    }
    const std::int64_t left = deadline - nanoseconds(std::chrono::steady_clock::now());
    return left > 0 ? static_cast<double>(left) * 1e-9 : 0.0;
}

bool stop_requested() {
    const StopState& stop = state();
    return stop.requested.load(std::memory_order_relaxed) || stop.signal.signal() != 0 ||
           deadline_passed();
}

void abandon_work(bool abandoned) {
    state().abandoned = abandoned;
}

bool work_abandoned() {
    return state().abandoned.load(std::memory_order_relaxed);
}

std::string stop_reason() {
    StopState& stop = state();
    if (const int signal = stop.signal.signal(); signal != 0) {
        return name_of_signal(signal) + " came";
    }
    const std::scoped_lock lock(stop.mutex);
    if (!stop.reason.empty()) {
        return stop.reason;
    }
    return deadline_passed() ? stop.deadline_reason : std::string();
}

Error stop_error() {
    return kStopped("");
}

void reset_stop() {
    StopState& stop = state();
    const std::scoped_lock lock(stop.mutex);
    stop.requested = false;
    stop.signal.forget();
    stop.deadline = kNever;
    stop.reason.clear();
    stop.deadline_reason.clear();
}

}  // namespace alphaprune::support
