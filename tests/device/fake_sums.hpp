#pragma once

#include <cstdint>

#include "alphaprune/linalg/forward_precision.hpp"
#include "cuda/forward_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does for sums of products, see ForwardLane.

void sum_up(const alphaprune::transformer::card::ProductSum& work,
            alphaprune::linalg::ForwardPrecision precision, TouchedMemory& memory);
void take_difference(const alphaprune::transformer::card::Difference& work, TouchedMemory& memory);
void widen_sums(double* sums, const float* values, std::int64_t count, TouchedMemory& memory);
