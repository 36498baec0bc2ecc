#pragma once

#include <cstdint>

#include "cuda/forward_lane.hpp"

// What the made-up card does with weights of low scores.

/// What there is to say against the work: too much to be dropped, a group that cannot be, a
/// negative scale; "" if nothing. Reads no memory unless there are weights.
const char* fault_of(const alphaprune::transformer::card::Dropping& work);

/// As ForwardLane::drop_lowest. @pre nothing is to be said against it
std::int64_t drop_weights(const alphaprune::transformer::card::Dropping& work);
