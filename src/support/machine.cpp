#include "alphaprune/support/machine.hpp"

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

namespace alphaprune::support {
namespace {

constexpr std::uint64_t kUnknownMemory = std::numeric_limits<std::uint64_t>::max();

/// MemAvailable of /proc/meminfo.
std::uint64_t memory_left_in_system() {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("MemAvailable:")) {
            return std::strtoull(line.c_str() + 13, nullptr, 10) * 1024;
        }
    }
    return kUnknownMemory;
}

/// The value of the first line "NAME : VALUE".
std::string cpuinfo_field(std::string_view name, std::string_view cpuinfo) {
    for (std::size_t at = 0; at < cpuinfo.size();) {
        const std::size_t end = std::min(cpuinfo.find('\n', at), cpuinfo.size());
        const std::string_view line = cpuinfo.substr(at, end - at);
        const std::size_t colon = line.find(':');
        const std::size_t name_end = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
        if (colon != line.npos && line.substr(0, name_end + 1) == name) {
            const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
            return begin == line.npos ? std::string() : std::string(line.substr(begin));
        }
        at = end + 1;
    }
    return {};
}

}  // namespace

void return_freed_memory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

std::uint64_t available_memory() {
    return std::min(memory_left_in_system(),
                    limits_of_groups().memory_left.value_or(kUnknownMemory));
}

std::string host_name() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

bool read_affinity(std::span<unsigned long> mask) {
    return sched_getaffinity(0, mask.size_bytes(), reinterpret_cast<cpu_set_t*>(mask.data())) == 0;
}

std::string usable_cores(const AffinityReader& read) {
    constexpr std::size_t kBits = std::numeric_limits<unsigned long>::digits;
    constexpr std::size_t kMost = std::size_t{1} << 20;
    for (std::size_t cores = CPU_SETSIZE; cores <= kMost; cores *= 2) {
        std::vector<unsigned long> mask(cores / kBits);
        if (read(mask)) {
            std::string usable(cores, '0');
            for (std::size_t core = 0; core < cores; ++core) {
                usable[core] = (mask[core / kBits] >> core % kBits & 1) != 0 ? '1' : '0';
            }
            return usable;
        }
        if (errno != EINVAL) {
            break;
        }
    }
    return "1";
}

std::string processor_in(std::string_view cpuinfo) {
    for (const std::string_view name : {"model name", "cpu model", "cpu"}) {
        if (std::string value = cpuinfo_field(name, cpuinfo); !value.empty()) {
            return value;
        }
    }
    // Arm's name themselves by numbers.
    const std::string implementer = cpuinfo_field("CPU implementer", cpuinfo);
    const std::string part = cpuinfo_field("CPU part", cpuinfo);
    return implementer.empty() ? std::string()
                               : "Arm implementer " + implementer + ", part " + part;
}

std::string processor_model() {
    std::ifstream file("/proc/cpuinfo");
    std::ostringstream text;
    text << file.rdbuf();
    if (std::string model = processor_in(text.str()); !model.empty()) {
        return model;
    }
    utsname system{};
    return ::uname(&system) == 0 ? system.machine : "unknown";
}

std::optional<std::uint64_t> address_space_left() {
    struct rlimit limit {};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    std::ifstream file("/proc/self/statm");  // in pages
    std::uint64_t taken = 0;
    file >> taken;
    taken *= static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return limit.rlim_cur - std::min<std::uint64_t>(limit.rlim_cur, taken);
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

}  // namespace alphaprune::support
