#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// Tokens of a sequence of this file where no length is asked for.
std::int64_t default_length(const TokenFile& file, const Catalogue& catalogue);

/// Tokens that the model reads at most in one sequence: what is asked for, or its number of
/// positions, or where it has none, 2048.
/// @throws Error (bad_request) when more is asked for than there are positions
std::int64_t longest_input(const Catalogue& catalogue, std::optional<std::int64_t> length);

/// Sequences that the file has by itself: of samples at least one, so that a file without any is
/// reported as such; of a stream as many as one likes.
std::int64_t most_sequences(const TokenFile& file);

/// What is wrong with a number of calibration sequences goes to the faults.
void check_count(std::int64_t count, std::int64_t length, support::FaultList& faults);

}  // namespace alphaprune::model
