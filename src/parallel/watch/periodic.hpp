#pragma once

#include <chrono>

namespace alphaprune::parallel {

/// Tells when it is time again for something that is done now and then.
class Periodic {
  public:
    using Clock = std::chrono::steady_clock;

    explicit Periodic(Clock::duration interval) : interval_(interval) {}

    bool is_due(Clock::time_point now) {
        if (now < next_) {
            return false;
        }
        next_ = now + interval_;
        return true;
    }

  private:
    Clock::duration interval_;
    Clock::time_point next_{};
};

}  // namespace alphaprune::parallel
