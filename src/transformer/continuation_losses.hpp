#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::transformer {

/// Tokens that are expected after some in the middle of a sequence.
struct ScoredTokens {
    std::int64_t sequence = 0;  ///< number of a sequence of the runner
    std::int64_t first = 0;     ///< its token that the first target follows
    std::span<const std::int32_t> targets;
};

/// Total loss (negative log-likelihood) of some targets of this team's sequences, whose states have
/// come through all blocks, on all ranks of the team. Run collectively, also where a team has none.
/// @pre  the runner has loaded the head
/// @param node    the ranks of the node that the runner was made for
/// @param team    that it was made for
/// @param source  of the head's weights
/// @param scored  in ascending order of their sequences
/// @throws Error on all ranks
std::vector<double> continuation_losses(const parallel::Communicator& ranks,
                                        const parallel::Communicator& node,
                                        const parallel::Team& team, const ForwardPlan& plan,
                                        BlockRunner& runner, const model::RowSource& source,
                                        std::span<const ScoredTokens> scored,
                                        std::uint64_t vocabulary_bytes);

}  // namespace alphaprune::transformer
