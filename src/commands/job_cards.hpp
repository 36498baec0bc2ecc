#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::commands {

/// Graphics cards of a job.
struct JobCards {
    int of_node = 0;                      ///< of the node that has most
    std::optional<std::uint64_t> memory;  ///< bytes that are free on each; nothing: not known
};

/// The same on every rank. Collective. @param card  index of this rank's
JobCards cards_of_job(const parallel::Communicator& ranks, std::optional<int> card);

}  // namespace alphaprune::commands
