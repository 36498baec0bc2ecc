#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "selection.hpp"

namespace alphaprune::pruning {

/// Keeps the largest magnitudes of a matrix whose rows are divided among the ranks: all but
/// int(size·ratio) of the whole matrix, or of every group of N:M all but N. Among equals those
/// further to the right, then further down, stay. What is gone beforehand (MatrixRows::gone) counts
/// as removed, and never stays. All calls are collective.
class Projection {
  public:
    /// @param threads  of this rank, which outlive the object
    /// @param size     of this rank's rows
    /// @param gone     as MatrixRows has it; outlives the object, too
    Projection(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
               std::int64_t size, std::int64_t cols, const PruneTarget& target,
               std::span<const std::uint8_t> gone = {});

    /// Weights that stay, on all ranks.
    std::int64_t kept() const { return total_ - removed_; }
    std::int64_t total() const { return total_; }

    /// stays = 1 where a value stays, 0 elsewhere. Fastest where the threshold is near that of the
    /// call before.
    void choose(std::span<const float> values, std::span<std::uint8_t> stays);
    /// out = values where they stay, zero elsewhere. @param out  may be values
    void operator()(std::span<const float> values, std::span<float> out);

  private:
    void choose_largest(std::span<const float> values, std::span<std::uint8_t> stays);
    void choose_in_groups(std::span<const float> values, std::span<std::uint8_t> stays,
                          std::span<const std::uint8_t> gone) const;
    std::span<const float> without_gone(std::span<const float> values);
    void forbid_gone(std::span<std::uint8_t> stays) const;

    const parallel::Communicator& ranks_;
    const parallel::ThreadPool& threads_;
    std::int64_t cols_;
    std::optional<Pattern> pattern_;
    std::span<const std::uint8_t> gone_;
    std::vector<float> candidates_;  ///< values, zero where gone
    std::int64_t total_ = 0;
    std::int64_t removed_ = 0;
    KeyGuess last_;  ///< the magnitude of the largest that went
};

}  // namespace alphaprune::pruning
