#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::phases {

/// While it lives, work that is at hand on this rank is given up (abandon_work) soon after an alarm
/// was raised on any rank: a matrix may take an hour, and nobody needs it any more. A thread beside
/// the work looks now and then, where MPI supports threads; where it does not, the work at hand
/// comes to its end.
class AlarmWatch {
  public:
    /// @param counter  outlives it
    explicit AlarmWatch(const parallel::WorkCounter& counter) : counter_(counter) {
        if (parallel::supports_threads()) {
            thread_ = std::jthread([this](const std::stop_token& stop) { look(stop); });
        }
    }
    AlarmWatch(const AlarmWatch&) = delete;
    AlarmWatch& operator=(const AlarmWatch&) = delete;
    ~AlarmWatch() {
        thread_ = std::jthread();  // ends it
        support::abandon_work(false);
    }

  private:
    /// Of thousands of ranks each asks rank 0, so not too often.
    void look(const std::stop_token& stop) {
        constexpr std::chrono::seconds kTurn{1};
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, stop, kTurn, [&] { return stop.stop_requested(); })) {
            if (counter_.alarm()) {
                support::abandon_work(true);
                return;
            }
        }
    }

    const parallel::WorkCounter& counter_;
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::jthread thread_;
};

}  // namespace alphaprune::phases
