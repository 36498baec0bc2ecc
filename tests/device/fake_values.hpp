#pragma once

#include <cstdint>

#include "cuda/forward_lane.hpp"

// What the made-up card does with values one by one.

double activated(alphaprune::transformer::card::Activation activation, double x);
/// NaN stays.
double clamped_gate(const alphaprune::transformer::card::Gate& work, double gate, double up);
void norm_row(const alphaprune::transformer::card::Norm& work, const float* values, float* out);
