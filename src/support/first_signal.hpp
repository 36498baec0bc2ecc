#pragma once

#include <atomic>
#include <cstdint>

namespace alphaprune::support {

/// The first signal that asked for a stop, and when it came: in one number, since the next one may
/// come at the same moment, on another thread, and must not see the one without the other. What a
/// signal handler may use.
class FirstSignal {
  public:
    enum class Meaning {
        stop,          ///< it is the first
        same_request,  ///< soon after the first: one signal often arrives by two ways
        abort,         ///< later: the user does not want to wait
    };

    /// @param microseconds  of a clock that does not go back
    Meaning arrived(int signal, std::int64_t microseconds) {
        constexpr std::int64_t kSameRequest = 250'000;
        std::int64_t first = 0;
        if (mark_.compare_exchange_strong(first, microseconds * kSignals + signal)) {
            return Meaning::stop;
        }
        return microseconds - first / kSignals > kSameRequest ? Meaning::abort
                                                              : Meaning::same_request;
    }

    /// Zero: none has come.
    int signal() const {
        return static_cast<int>(mark_.load(std::memory_order_relaxed) % kSignals);
    }
    void forget() { mark_ = 0; }

  private:
    static constexpr std::int64_t kSignals = 128;
    static_assert(std::atomic<std::int64_t>::is_always_lock_free);

    std::atomic<std::int64_t> mark_ = 0;
};

}  // namespace alphaprune::support
