#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "selection.hpp"

namespace alphaprune::pruning {

/// Weights of a matrix whose rows are divided among the ranks, on all of them.
struct WeightCounts {
    std::int64_t total = 0;
    std::int64_t removed = 0;  ///< by a projection
};
/// Collective. @param size, gone  of this rank's rows
WeightCounts count_weights(const parallel::Communicator& ranks, std::int64_t size,
                           std::int64_t cols, const PruneTarget& target,
                           std::span<const std::uint8_t> gone);
/// Where a projection has to tell equal magnitudes apart, this rank's that go. Collective.
/// @param last  the magnitude of the largest that goes
/// @return how many of the first of them
std::int64_t equals_to_go(const parallel::Communicator& ranks, const WeightCounts& counts,
                          const Selected& last);

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
    std::int64_t kept() const { return counts_.total - counts_.removed; }
    std::int64_t total() const { return counts_.total; }

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
    WeightCounts counts_;
    KeyGuess last_;  ///< the magnitude of the largest that went
};

}  // namespace alphaprune::pruning
