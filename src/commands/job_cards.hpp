#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::commands {

/// Graphics cards of a job.
struct JobCards {
    int of_node = 0;                      ///< of the node that has most
    std::optional<std::uint64_t> memory;  ///< bytes that may be used on each; nothing: not known
};

/// The same on every rank. Collective.
/// @param card  index of this rank's
/// @param most  bytes that may be used of each; nothing: all that are free
JobCards cards_of_job(const parallel::Communicator& ranks, std::optional<int> card,
                      std::optional<std::uint64_t> most);

}  // namespace alphaprune::commands
