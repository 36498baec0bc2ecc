#pragma once

#include "cuda/forward_lane.hpp"

// What the made-up card does with single values and rows between products.

/// @throws CardError (refused) for clamped_gate and what is no activation
double activated(alphaprune::transformer::card::Activation activation, double x);

/// Of clamped_gate. NaN stays.
double clamped_gate(const alphaprune::transformer::card::Gate& work, double gate, double up);

void norm_row(const alphaprune::transformer::card::Norm& work, const float* values, float* out);
