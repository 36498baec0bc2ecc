#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "alphaprune/parallel/work_counter.hpp"

namespace alphaprune::phases {

/// While it lives, work that is at hand on this rank is given up (abandon_work) soon after an alarm
/// was raised on any rank: a matrix may take an hour, and nobody needs it any more. A thread beside
/// the work looks now and then, where MPI supports threads; where it does not, the work at hand
/// comes to its end.
class AlarmWatch {
  public:
    /// @param counter  outlives it
    explicit AlarmWatch(const parallel::WorkCounter& counter);
    AlarmWatch(const AlarmWatch&) = delete;
    AlarmWatch& operator=(const AlarmWatch&) = delete;
    ~AlarmWatch();

  private:
    void look(const std::stop_token& stop);

    const parallel::WorkCounter& counter_;
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::jthread thread_;
};

}  // namespace alphaprune::phases
