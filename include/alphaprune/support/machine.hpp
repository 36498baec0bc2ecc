#pragma once

#include <cstdint>
#include <string>

namespace alphaprune {

/// Largest resident size this process has had so far, in bytes.
std::uint64_t peak_memory();

/// Name of the host this process runs on.
std::string host_name();

/// Cores this process may use (its affinity mask).
int usable_cores();

/// Bytes for people: "812 B", "3.4 MB", "12 GB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);

}  // namespace alphaprune
