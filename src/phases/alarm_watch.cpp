#include "alarm_watch.hpp"

#include <chrono>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::phases {

AlarmWatch::AlarmWatch(const parallel::WorkCounter& counter) : counter_(counter) {
    if (parallel::supports_threads()) {
        thread_ = std::jthread([this](const std::stop_token& stop) { look(stop); });
    }
}

AlarmWatch::~AlarmWatch() {
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
    support::abandon_work(false);
}

/// Of thousands of ranks each asks rank 0, so not too often.
void AlarmWatch::look(const std::stop_token& stop) {
    constexpr std::chrono::seconds kTurn{1};
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, stop, kTurn, [&] { return stop.stop_requested(); })) {
        if (counter_.alarm()) {
            support::abandon_work(true);
            return;
        }
    }
}

}  // namespace alphaprune::phases
