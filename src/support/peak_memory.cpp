#include "alphaprune/support/peak_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <ctime>

#include "alphaprune/support/file_system.hpp"

namespace alphaprune::support {
namespace {

using FileText = std::array<char, 4096>;

/// What a small file holds, without memory from the heap; empty where it cannot be read.
std::string_view text_of_file(const char* path, FileText& text) {
    const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t bytes = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0))};
}

std::uint64_t number_at(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// The value of the line "NAME  VALUE kB", in bytes.
std::uint64_t rollup_value(std::string_view name, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view line = text.substr(at, text.find('\n', at) - at);
        if (line.starts_with(name)) {
            return number_at(line.substr(name.size())) * 1024;
        }
        at += line.size() + 1;
    }
    return 0;
}

/// Of the processor: on a busy machine a look takes longer, but no more of the processor's time.
std::chrono::nanoseconds time_of_thread() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

ProcessMemory memory_in_rollup(std::string_view text) {
    return {rollup_value("Rss:", text), rollup_value("Pss:", text)};
}

ProcessMemory memory_now() {
    FileText text;
    const ProcessMemory memory = memory_in_rollup(text_of_file("/proc/self/smaps_rollup", text));
    if (memory.part > 0) {
        return memory;
    }
    const std::string_view pages = text_of_file("/proc/self/statm", text);
    const std::uint64_t resident =
        number_at(pages.substr(std::min(pages.find(' '), pages.size()))) *
        static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return {resident, resident};
}

std::uint64_t peak_memory() {
    static std::atomic<std::uint64_t> peak = 0;
    const std::uint64_t now = memory_now().part;
    std::uint64_t before = peak;
    while (before < now && !peak.compare_exchange_weak(before, now)) {
    }
    return std::max(before, now);
}

MemoryWatch::MemoryWatch() : thread_([this] { look(); }) {}

MemoryWatch::~MemoryWatch() {
    {
        const std::scoped_lock lock(mutex_);
        ended_ = true;
    }
    ends_.notify_one();
    thread_.join();
}

void MemoryWatch::look() {
    constexpr std::chrono::milliseconds kOften{20};
    constexpr int kPauses = 200;  // as long as a look
    std::unique_lock lock(mutex_);
    while (!ended_) {
        lock.unlock();
        const auto begin = time_of_thread();
        peak_memory();
        const auto pause =
            std::max<std::chrono::nanoseconds>(kOften, kPauses * (time_of_thread() - begin));
        lock.lock();
        ends_.wait_for(lock, pause, [this] { return ended_; });
    }
}

}  // namespace alphaprune::support
