#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

namespace alphaprune::parallel {

/// How long this rank has heard nothing of others. Time counts only while this process itself runs
/// in good order: a look at the clock that comes late adds no more than a short step, so that a job
/// that was suspended and continued, or starved of its cores, takes nobody for lost.
class Silence {
  public:
    using Duration = std::chrono::nanoseconds;

    Silence(const std::vector<int>& ranks, Duration timeout) : timeout_(timeout) {
        for (const int rank : ranks) {
            silent_for_[rank] = Duration::zero();
        }
    }

    void heard_of(int rank) {
        if (const auto found = silent_for_.find(rank); found != silent_for_.end()) {
            found->second = Duration::zero();
        }
    }

    /// To be called every few milliseconds with the time that has gone since the last call.
    void pass(Duration time) {
        for (auto& [rank, silent] : silent_for_) {
            silent += std::min(time, kLongestStep);
        }
    }

    /// The ranks that are lost; as soon as one is, also those that are about to be: a node or a
    /// cable takes several along. None where the timeout is zero.
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
