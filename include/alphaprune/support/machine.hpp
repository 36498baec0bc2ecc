#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace alphaprune::support {

/// Gives back to the system what has been freed, but is kept for later by the allocator: glibc does
/// so with pieces of up to 32 MB. Takes milliseconds.
void return_freed_memory();

/// Bytes that the processes of this node may still take together: what the system has left, or what
/// the control groups of the job allow, whichever is less.
std::uint64_t available_memory();

/// Bytes that this process may still map, where the batch system limits that (ulimit -v); nothing:
/// no limit.
std::optional<std::uint64_t> address_space_left();

/// What the control groups of a process leave it; the limit of a group is one for all processes
/// below it. Nothing: no limit.
struct GroupLimits {
    std::optional<std::uint64_t> memory_left;  ///< bytes; file caches are reclaimed when needed
    std::optional<double> cores;               ///< processor time, in cores
};

/// Of this process: the least over its groups and all those above them, of version 2 (memory.max,
/// memory.high, cpu.max) and version 1 (memory.limit_in_bytes, cpu.cfs_quota_us), wherever they are
/// mounted, inside a container or outside.
/// @param root  of the file system; another one in tests
GroupLimits limits_of_groups(const std::filesystem::path& root = "/");

/// Name of the host this process runs on.
std::string host_name();

/// Like sched_getaffinity: fills a mask of one bit per processor; false with errno EINVAL where the
/// system has more processors than the mask has bits.
using AffinityReader = std::function<bool(std::span<unsigned long> mask)>;

/// Of this process.
bool read_affinity(std::span<unsigned long> mask);

/// Which cores this process may use (its affinity mask), one character per core, '1' or '0',
/// whatever their number; "1" where the mask cannot be read.
std::string usable_cores(const AffinityReader& read = read_affinity);

/// What the processor calls itself, as in "AMD EPYC 9654 96-Core Processor"; the architecture the
/// program was built for where it does not say.
std::string processor_model();

/// The same from the text of /proc/cpuinfo; empty where that names none.
std::string processor_in(std::string_view cpuinfo);

/// Bytes for people: "812 B", "3.4 MB", "12 GB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);

}  // namespace alphaprune::support
