#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace alphaprune::parallel {

/// The ranks that a rank's watch exchanges messages with: its parent and children in a tree of all
/// ranks, rank 0 the root. Eight children keep the traffic of each rank small and the tree of
/// thousands of ranks flat.
struct WatchTree {
    static constexpr int kChildren = 8;

    static std::vector<int> neighbors(int rank, int size) {
        std::vector<int> found;
        if (rank > 0) {
            found.push_back((rank - 1) / kChildren);
        }
        const std::int64_t first = std::int64_t{rank} * kChildren + 1;
        for (std::int64_t child = first; child < first + kChildren && child < size; ++child) {
            found.push_back(static_cast<int>(child));
        }
        return found;
    }
};

/// Tells when a periodic action is due.
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

/// How long this rank has received nothing from others. Time counts only while this process itself
/// runs regularly: a late call adds no more than a short step, so that a job that was suspended and
/// continued, or starved of its cores, declares no rank lost.
class HeartbeatMonitor {
  public:
    using Duration = std::chrono::nanoseconds;

    HeartbeatMonitor(const std::vector<int>& ranks, Duration timeout) : timeout_(timeout) {
        for (const int rank : ranks) {
            silent_for_[rank] = Duration::zero();
        }
    }

    void heard_from(int rank) {
        if (const auto found = silent_for_.find(rank); found != silent_for_.end()) {
            found->second = Duration::zero();
        }
    }

    /// To be called every few milliseconds with the time that has passed since the last call.
    void pass(Duration time) {
        for (auto& [rank, silent] : silent_for_) {
            silent += std::min(time, kLongestStep);
        }
    }

    /// The ranks that are lost; as soon as one is, also those that are about to be: the failure of
    /// a node or a cable concerns several. None where the timeout is zero.
    std::vector<int> lost() const {
        const auto silent_since = [&](Duration limit) {
            std::vector<int> found;
            for (const auto& [rank, silent] : silent_for_) {
                if (silent >= limit) {
                    found.push_back(rank);
                }
            }
            return found;
        };
        if (timeout_ <= Duration::zero() || silent_since(timeout_).empty()) {
            return {};
        }
        return silent_since(timeout_ * 2 / 3);
    }

  private:
    static constexpr Duration kLongestStep = std::chrono::milliseconds(250);

    Duration timeout_;
    std::map<int, Duration> silent_for_;
};

}  // namespace alphaprune::parallel
