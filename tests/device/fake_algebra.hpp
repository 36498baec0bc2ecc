#pragma once

#include <cstdint>

#include "alphaprune/linalg/far_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does with whole matrices, see FarLane: LAPACK and BLAS.

void fill_scaled(const alphaprune::linalg::ScaledSums& work, float* out, TouchedMemory& memory);
bool cholesky_factor(const alphaprune::linalg::ScaledSums& work, bool reversed, double* out,
                     TouchedMemory& memory);
void invert_factor(double* lower, std::int64_t order, float* out, TouchedMemory& memory);
void invert_whole(double* lower, std::int64_t order, float* out, TouchedMemory& memory);
void add_matrix_product(const alphaprune::linalg::MatrixProduct& work, TouchedMemory& memory);
