#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// How texts of any length come together although MPI counts in int: in rounds, in each of which
/// every rank gives its next piece. The pieces of one round are together no longer than MPI can
/// count; mostly one round is all.
class GatherRounds {
  public:
    static constexpr std::int64_t kMost = std::numeric_limits<int>::max();

    /// @param lengths  of the ranks' texts
    /// @param most  bytes in a round, at least one for each rank
    explicit GatherRounds(std::span<const std::int64_t> lengths, std::int64_t most = kMost)
        : lengths_(lengths.begin(), lengths.end()),
          piece_(std::max<std::int64_t>(1, most / std::max<std::int64_t>(1, std::ssize(lengths)))) {
        for (const std::int64_t length : lengths_) {
            rounds_ = std::max(rounds_, (length + piece_ - 1) / piece_);
        }
    }

    std::int64_t rounds() const { return rounds_; }
    /// Where in its text the piece of each rank begins; beyond the end of texts that are over.
    std::int64_t offset(std::int64_t round) const { return round * piece_; }

    /// What all ranks give in one round.
    Communicator::Parts round(std::int64_t number) const {
        Communicator::Parts made;
        for (const std::int64_t length : lengths_) {
            made.add(std::clamp<std::int64_t>(length - offset(number), 0, piece_));
        }
        return made;
    }

  private:
    std::vector<std::int64_t> lengths_;
    std::int64_t piece_;
    std::int64_t rounds_ = 0;
};

}  // namespace alphaprune::parallel
