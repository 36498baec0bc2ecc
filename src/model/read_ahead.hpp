#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

#include "alphaprune/support/file.hpp"

namespace alphaprune::model {

/// A thread that reads what will be needed soon, from end to end, so that it is in the system's
/// cache by then. (Asked to do so itself, the system fetches 128 KiB or so, however much it is
/// asked for.) What goes wrong shows when the bytes are read in earnest.
class ReadAhead {
  public:
    /// Reads this part of a file, which outlives the object; what was asked for before and has not
    /// been read is left. Returns at once.
    void begin(const support::File& file, std::uint64_t offset, std::uint64_t bytes);

  private:
    struct Part {
        const support::File* file = nullptr;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
    };

    void work(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    Part wanted_;
    std::jthread thread_;  // the last member: it uses the others; starts with the first part
};

}  // namespace alphaprune::model
