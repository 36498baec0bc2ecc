#pragma once

#include <chrono>
#include <span>
#include <string>

#include "node_neighbour.hpp"

namespace alphaprune::parallel {

/// A rank and where it runs, for people.
struct RankPlace {
    int rank = 0;
    std::string host;
};

/// The head of what a rank says alone.
std::string with_speaker(const RankPlace& speaker, const std::string& text);

/// Nothing has been heard of `lost` for so long on this host.
std::string silence_text(std::span<const RankPlace> lost, std::chrono::milliseconds time,
                         const std::string& host);

/// A process of this host has died.
std::string death_text(const NodeNeighbour& dead, const std::string& host);

/// A signal has ended the process of a rank.
std::string killed_text(const std::string& rank, const std::string& host, pid_t process,
                        int signal);

/// Work did not stop by itself.
/// @param after  what becomes of the run
std::string abandonment_text(const std::string& reason, const std::string& after);

/// The ranks had all done their work, but not all could be reached once more.
std::string parting_text(std::chrono::milliseconds time);

}  // namespace alphaprune::parallel
