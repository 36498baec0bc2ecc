#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace alphaprune::support {

/// Largest resident size this process has had so far, in bytes.
std::uint64_t peak_memory();

/// Bytes that the processes of this node may still take together: what the system has left, or what
/// the control groups of the job allow, whichever is less.
std::uint64_t available_memory();

/// Bytes that this process may still map, where the batch system limits that (ulimit -v); nothing:
/// no limit.
std::optional<std::uint64_t> address_space_left();

/// Name of the host this process runs on.
std::string host_name();

/// Which cores this process may use (its affinity mask), one character a core: '1' or '0'.
std::string usable_cores();

/// Processor time that the control groups of this process may take, in cores; nothing: no limit.
std::optional<double> cores_of_group();

/// Bytes for people: "812 B", "3.4 MB", "12 GB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);

}  // namespace alphaprune::support
