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

/// The folder of this process's control group (version 2).
std::optional<std::string> control_group() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::")) {
            return "/sys/fs/cgroup" + line.substr(3);
        }
    }
    return std::nullopt;
}

/// What the control group leaves. Cached files count as used there, but make room when asked to.
std::uint64_t memory_left_in_group() {
    const auto folder = control_group();
    if (!folder) {
        return kNoLimit;
    }
    const std::uint64_t limit = number_in(*folder + "/memory.max");
    const std::uint64_t used = number_in(*folder + "/memory.current");
    if (limit == kNoLimit || used == kNoLimit) {
        return kNoLimit;
    }
    const std::uint64_t cached = statistic(*folder + "/memory.stat", "active_file") +
                                 statistic(*folder + "/memory.stat", "inactive_file");
    return limit - std::min(limit, used - std::min(used, cached));
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

std::string usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return "1";
    }
    std::string cores(CPU_SETSIZE, '0');
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        cores[static_cast<std::size_t>(core)] = CPU_ISSET(core, &set) ? '1' : '0';
    }
    return cores;
}

std::optional<double> cores_of_group() {
    const auto folder = control_group();
    if (!folder) {
        return std::nullopt;
    }
    std::ifstream file(*folder + "/cpu.max");
    double quota = 0;
    double period = 0;
    return file >> quota >> period && period > 0 ? std::optional(quota / period) : std::nullopt;
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
