#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "fake_memory.hpp"

// What the made-up card does with values one by one, see FarLane.

void add_scaled(const alphaprune::linalg::Addition& work, TouchedMemory& memory);
void widen_values(const void* stored, alphaprune::support::ScalarType type, std::int64_t count,
                  float* to, TouchedMemory& memory);
std::int64_t narrow_values(const float* from, std::int64_t count,
                           alphaprune::support::ScalarType type, void* stored,
                           TouchedMemory& memory);
void round_doubles(const double* from, std::int64_t count, double factor, float* to,
                   TouchedMemory& memory);
std::int64_t not_finite_among(const double* values, std::int64_t count, TouchedMemory& memory);
void copy_diagonal(const double* matrix, std::span<double> out, TouchedMemory& memory);
void scale_by_column(float* values, std::int64_t rows, std::span<const float> scale, bool divide,
                     TouchedMemory& memory);
void clear_by_column(float* values, std::int64_t rows, std::span<const std::uint8_t> which,
                     TouchedMemory& memory);
