#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bf16_parts.hpp"

namespace alphaprune::linalg {

enum class Bf16Support { present, not_built_in, no_instructions };

/// What this process can do, asked of oneDNN. It takes some milliseconds.
Bf16Support bf16_support();

/// tokens × inputs times inputs × outputs. Tokens are a multiple of kTokenGroup, outputs of
/// kStripOutputs, inputs of kInputGroup: operands are padded with zeros, so that oneDNN has fast
/// kernels for all of them and needs few.
struct Bf16Shape {
    std::int64_t tokens = 0;
    std::int64_t outputs = 0;
    std::int64_t inputs = 0;
};

/// out = input·stripsᵀ, or out += that, on the calling thread; any number of threads may do so at
/// once. Kernels are made at the first use of a shape and kept by oneDNN.
/// @param input    tokens × inputs, row-major, contiguous
/// @param strips   outputs / kStripOutputs of them, as pack_strip has made them
/// @param out      tokens × outputs, row-major, contiguous
/// @param scratch  of the calling thread; grows as needed
/// @pre bf16_support() is `present`
/// @throws Error (failure) when oneDNN reports an error or has no fast kernel
void bf16_matmul(const Bf16Shape& shape, const Bf16* input, const Bf16Pair* strips, bool add,
                 float* out, std::vector<std::byte>& scratch);

}  // namespace alphaprune::linalg
