#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/tokens.hpp"

namespace alphaprune::model {

/// The calibration sequences of one or several files, interleaved, and where each is from.
struct CalibrationSet {
    TokenSequences sequences;
    std::vector<int> file_of;  ///< of each sequence: which of the files, in the order given

    std::int64_t count_of(int file) const;  ///< sequences that are from it
};

/// How many of `total` sequences each file is asked for: in proportion to the weights, by largest
/// remainder (equal ones: the earlier file), but at least one.
/// @pre  at least one weight; they are positive and finite; total >= their number
std::vector<std::int64_t> calibration_shares(std::span<const double> weights, std::int64_t total);

/// Each file gives its share as calibration_sequences() takes it from that file alone; the file
/// furthest behind its share comes next, so that any first sequences have nearly the shares of all.
/// One file: exactly what calibration_sequences() gives.
/// @param weights  one per file; positive and finite
/// @param count    of all files together; nothing: kUsualSequences, of which a file of samples that
///                 has fewer than its share gives all it has
/// @param length   nothing: the shortest of what the files would give by themselves
/// @throws Error (bad_request) with the faults of all files, as calibration_sequences() does, and
///         where there are more files than sequences
CalibrationSet calibration_set(std::span<const TokenFile> files, std::span<const double> weights,
                               const Catalogue& catalogue, std::optional<std::int64_t> count,
                               std::optional<std::int64_t> length, std::uint64_t seed);

}  // namespace alphaprune::model
