#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/support/scalar.hpp"

// Products of float32 values in parts of 16 bits, as cards make them.

/// Matrices of one shape that add up to one of float32 values, each of whose values has so few bits
/// that products with others are exact.
using Parts = std::vector<std::vector<float>>;

/// Parts of 16-bit types that the precision takes; float32 is one part always.
int parts_of(alphaprune::linalg::ForwardPrecision precision);

/// Bytes of a value. @throws CardError (refused) for float64
std::size_t stored_size(alphaprune::support::ScalarType type);

/// The value that is put down for this one in the type; NaN stays NaN.
float rounded_to(alphaprune::support::ScalarType type, float value);
/// The bits of it, in the lower half for types of 16.
std::uint32_t narrowed_to(alphaprune::support::ScalarType type, float value);

/// Each part is what the ones before it left, rounded to the type. The first part of a finite value
/// is finite; it holds all of an infinity or NaN.
Parts split(std::vector<float> values, alphaprune::support::ScalarType type, int parts);

/// out (rows × others) += a·bᵀ of row-major matrices (rows × depth, others × depth), or a·b with b
/// depth × others: products of parts, the smallest first, but those that are below the last part of
/// both.
void add_product(const Parts& a, const Parts& b, bool transposed, std::int64_t rows,
                 std::int64_t others, std::int64_t depth, std::vector<float>& out);

/// input·weightsᵀ as ForwardLane::multiply says; tokens × rows.
std::vector<float> product(const float* input, std::int64_t tokens, std::int64_t cols,
                           const void* weights, alphaprune::support::ScalarType type,
                           std::int64_t rows, alphaprune::linalg::ForwardPrecision precision);
