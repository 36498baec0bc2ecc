#include "alphaprune/support/peak_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::support {
namespace {

constexpr std::size_t kMapped = std::size_t{64} << 20;

/// Memory that a process and its children may share.
struct Shared {
    void* bytes =
        ::mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    Shared() = default;
    Shared(const Shared&) = delete;
    ~Shared() { ::munmap(bytes, kMapped); }
    void touch() const { std::memset(bytes, 1, kMapped); }
};

/// A child that holds shared memory, too.
class Sharer {
  public:
    explicit Sharer(const Shared& shared) {
        std::array<int, 2> ready{};
        EXPECT_EQ(::pipe(ready.data()), 0);
        EXPECT_EQ(::pipe(end_.data()), 0);
        child_ = ::fork();
        if (child_ == 0) {
            char none = 0;
            shared.touch();
            static_cast<void>(::write(ready[1], &none, 1) + ::read(end_[0], &none, 1));
            ::_exit(0);
        }
        char none = 0;
        EXPECT_EQ(::read(ready[0], &none, 1), 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Sharer() {
        const char none = 0;
        EXPECT_EQ(::write(end_[1], &none, 1), 1);
        ::waitpid(child_, nullptr, 0);
        ::close(end_[0]);
        ::close(end_[1]);
    }

  private:
    std::array<int, 2> end_{};
    pid_t child_ = -1;
};

TEST(PeakMemory, OfARollupBothNumbersAreRead) {
    const ProcessMemory memory = memory_in_rollup(
        "55d0-7ffe ---p 00000000 00:00 0    [rollup]\n"
        "Rss:               9000 kB\nPss:               4000 kB\nPss_Dirty:   17 kB\n");
    EXPECT_EQ(memory.resident, 9000U * 1024);
    EXPECT_EQ(memory.part, 4000U * 1024);
    EXPECT_EQ(memory_in_rollup("").part, 0U);
}

TEST(PeakMemory, PagesOfTwoProcessesCountHalfInEach) {
    const Shared shared;
    shared.touch();
    const ProcessMemory alone = memory_now();
    EXPECT_GE(alone.part, kMapped);
    EXPECT_GE(alone.resident, alone.part);
    const Sharer other(shared);
    const ProcessMemory both = memory_now();
    EXPECT_NEAR(static_cast<double>(both.resident), static_cast<double>(alone.resident), 4e6);
    EXPECT_LE(both.part, alone.part - kMapped / 2);  // and what else the processes share
    EXPECT_GE(both.part, kMapped / 2);
}

TEST(PeakMemory, NeverFalls) {
    std::uint64_t full = 0;
    {
        const Shared shared;
        shared.touch();
        full = peak_memory();
    }
    EXPECT_GE(full, kMapped);
    EXPECT_LT(memory_now().part, full - kMapped / 2);
    EXPECT_EQ(peak_memory(), full);
}

TEST(PeakMemory, AWatchLooksByItself) {
    const std::uint64_t before = peak_memory();
    const std::size_t bytes = before + kMapped;
    {
        const MemoryWatch watch;
        const auto own = std::make_unique<char[]>(bytes);
        std::memset(own.get(), 1, bytes);
        // It pauses for 200 times as long as a look takes, which is long where processors are busy.
        const Stopwatch looking;
        memory_now();
        std::this_thread::sleep_for(std::chrono::duration<double>(0.3 + 400 * looking.seconds()));
    }
    EXPECT_LT(before, bytes);
    EXPECT_GE(peak_memory(), bytes);
}

}  // namespace
}  // namespace alphaprune::support
