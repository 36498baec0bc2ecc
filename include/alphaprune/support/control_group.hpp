#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace alphaprune::support {

/// What the control groups that a process is in leave it, each group's limit being one for all
/// processes below it. Nothing: no limit.
struct GroupLimits {
    std::optional<std::uint64_t> memory_left;  ///< bytes; cached files make room when asked to
    std::optional<double> cores;               ///< processor time, in cores
};

/// Of this process: the least over its groups and all those above them, of version 2 (memory.max,
/// memory.high, cpu.max) and version 1 (memory.limit_in_bytes, cpu.cfs_quota_us), wherever they are
/// mounted, inside a container or outside.
/// @param root  of the file system; another one in tests
GroupLimits limits_of_groups(const std::filesystem::path& root = "/");

}  // namespace alphaprune::support
