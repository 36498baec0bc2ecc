#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/pruning/pruners.hpp"

namespace alphaprune::pruning {

/// ‖x_j‖² over calibration sequences, as Wanda's code has it: the running mean, in float32 and in
/// sequence order, of each sequence's sum of squares over its tokens. Every team brings the sums of
/// its own sequences, each of its ranks and threads of some inputs; the same bits come out on any
/// number of them.
class InputNorms {
  public:
    /// @param cols  inputs of the matrix
    /// @param team  of this rank; outlives the object
    InputNorms(std::int64_t cols, const parallel::Team& team)
        : cols_(cols),
          team_(&team),
          own_(parallel::share_of(cols, team.ranks().size(), team.ranks().rank())) {}

    /// One sequence's input; the same on all ranks of the team, whose sequences come in ascending
    /// order.
    void add_sequence(const SiteInput& input);

    /// Collective. ‖x_j‖₂ for each input, on every rank.
    /// @param sequences  how many there are on all ranks together, numbered from 0
    /// @param where      block and matrix, for messages
    /// @throws Error (failure) on all ranks when inputs are NaN or too large for float32
    std::vector<float> norms(const parallel::Communicator& ranks, std::int64_t sequences,
                             const std::string& where) const;

  private:
    std::int64_t cols_;
    const parallel::Team* team_;
    parallel::RowRange own_;  ///< inputs that this rank sums
    std::vector<std::int64_t> numbers_;
    std::vector<float> sums_;  ///< one row of those per sequence
};

/// Gathering the norms of a site, and scoring and selecting the weights of its matrices by row.
SiteCost scoring_cost(const SiteWork& work);

/// Refuses inputs that are not finite. The sums of their squares are enough to tell: whatever is
/// not finite in an input is not finite in its square.
/// @param squares  one per input: their sums, or anything that follows from these
/// @param where    block and matrix, for the message
/// @throws Error (failure), agreed: `squares` are the same on all ranks
void require_finite_inputs(std::span<const float> squares, const std::string& where);

}  // namespace alphaprune::pruning
