#pragma once

#include <chrono>
#include <span>
#include <string>

#include "process_identity.hpp"

namespace alphaprune::parallel {

/// A rank and where it runs, for people.
struct RankPlace {
    int rank = 0;
    std::string host;
};

/// A report of one rank, headed by who it is.
std::string reported_by(const RankPlace& rank, const std::string& text);

/// Nothing was received from `lost` for this long on this host.
std::string lost_ranks_text(std::span<const RankPlace> lost, std::chrono::milliseconds time,
                            const std::string& host);

/// A process of this host has died.
std::string death_text(const NodeNeighbor& dead, const std::string& host);

/// A signal has ended the process of a rank.
std::string killed_text(const std::string& rank, const std::string& host, pid_t process,
                        int signal);

/// Work did not stop when it was asked to.
/// @param after  how the run can be continued
std::string abandonment_text(const std::string& reason, const std::string& after);

/// All ranks had done their work, but not all could be reached once more.
std::string parting_text(std::chrono::milliseconds time);

}  // namespace alphaprune::parallel
