#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tokens/number_table.hpp"

namespace alphaprune::model {

struct Merge {
    std::uint32_t rank = 0;  ///< low ones first
    std::int32_t token = 0;  ///< that the two become
};

/// Merges of two tokens, by their ids.
class Merges {
  public:
    /// A pair that comes twice has its last rank.
    void add(std::int32_t left, std::int32_t right, Merge merge) {
        table_.add(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right), merge) =
            merge;
    }
    const Merge* find(std::int32_t left, std::int32_t right) const {
        return table_.find(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right));
    }

  private:
    NumberTable<Merge> table_;
};

/// Does all merges of a sequence of tokens, in O(n log n) steps. Keeps its memory for the next one.
class Merger {
  public:
    /// @param tokens  of one piece, a character or byte each; what is left of them is put here
    void merge(const Merges& merges, std::vector<std::int32_t>& tokens);

  private:
    /// Neighbours that can become one. They may have changed since.
    struct Candidate {
        std::uint32_t rank;
        std::uint32_t at;
        std::int32_t token;

        /// Whether it comes later.
        friend bool operator<(const Candidate& a, const Candidate& b) {
            return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
        }
    };
    static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

    void consider(const Merges& merges, const std::vector<std::int32_t>& tokens, std::uint32_t at);

    std::vector<Candidate> heap_;
    std::vector<std::uint32_t> next_;
    std::vector<std::uint32_t> previous_;
};

}  // namespace alphaprune::model
