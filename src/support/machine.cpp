#include "alphaprune/support/machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>

namespace alphaprune {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// MemAvailable of /proc/meminfo.
std::uint64_t memory_left_in_system() {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("MemAvailable:")) {
            return std::strtoull(line.c_str() + 13, nullptr, 10) * 1024;
        }
    }
    return kNoLimit;
}

std::uint64_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t value = kNoLimit;
    return file >> value ? value : kNoLimit;  // "max" is no number: no limit
}

/// A line "NAME NUMBER" of a control group's statistics; 0 without it.
std::uint64_t statistic(const std::string& path, std::string_view name) {
    std::ifstream file(path);
    std::string found;
    for (std::uint64_t value = 0; file >> found >> value;) {
        if (found == name) {
            return value;
        }
    }
    return 0;
}

/// What the control group (version 2) of this process leaves. Cached files count as used there, but
/// make room when asked to.
std::uint64_t memory_left_in_group() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::")) {
            const std::string folder = "/sys/fs/cgroup" + line.substr(3);
            const std::uint64_t limit = number_in(folder + "/memory.max");
            const std::uint64_t used = number_in(folder + "/memory.current");
            if (limit != kNoLimit && used != kNoLimit) {
                const std::uint64_t cached = statistic(folder + "/memory.stat", "active_file") +
                                             statistic(folder + "/memory.stat", "inactive_file");
                return limit - std::min(limit, used - std::min(used, cached));
            }
        }
    }
    return kNoLimit;
}

}  // namespace

std::uint64_t peak_memory() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

std::uint64_t available_memory() {
    return std::min(memory_left_in_system(), memory_left_in_group());
}

std::string host_name() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

int usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    return CPU_COUNT(&set);
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, kUnits[unit]);
}

}  // namespace alphaprune
