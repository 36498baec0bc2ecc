#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <thread>

namespace alphaprune::support {

/// Memory of a process, in bytes. Pages that processes share, such as the arrays of a node and
/// libraries, count whole in the resident set of each, and in its part divided by their number: the
/// parts of a node's processes add up to what the node holds (Linux: Rss and Pss).
struct ProcessMemory {
    std::uint64_t resident = 0;
    std::uint64_t part = 0;
};

/// As the text of /proc/PID/smaps_rollup has it; zeros where it is another text.
ProcessMemory memory_in_rollup(std::string_view text);

/// Of this process, now. The kernel counts the pages of the process one by one: some 7 ms for each
/// GB. One that cannot (before 4.14) tells the resident set, which is then taken for the part.
ProcessMemory memory_now();

/// The largest part of the memory that this process has had so far, in bytes: at all times at which
/// this was called or a MemoryWatch has looked. Never less than before. Any thread may call it.
std::uint64_t peak_memory();

/// A thread that looks at the memory of this process for peak_memory(), fifty times a second, or as
/// often as takes half a percent of its time. It takes no memory from the heap.
class MemoryWatch {
  public:
    MemoryWatch();
    MemoryWatch(const MemoryWatch&) = delete;
    MemoryWatch& operator=(const MemoryWatch&) = delete;
    ~MemoryWatch();

  private:
    void look();

    std::mutex mutex_;
    std::condition_variable ends_;
    bool ended_ = false;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace alphaprune::support
