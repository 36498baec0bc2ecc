#pragma once

#include <cstdint>

#include "alphaprune/linalg/far_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does for rows in conjugate gradients, see FarLane.

void begin_rows(const alphaprune::linalg::RefinedRows& rows, const float* right,
                TouchedMemory& memory);
void refine_rows(const alphaprune::linalg::RefinedRows& rows, TouchedMemory& memory);
void multiply_rows(const float* one, const float* other, std::int64_t rows, std::int64_t cols,
                   double* out, TouchedMemory& memory);
