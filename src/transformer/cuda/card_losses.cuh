#pragma once

#include "cuda/card_products.cuh"

namespace alphaprune::transformer::card {

/// See ForwardLane::add_vocabulary. @param scratch  for logits
void add_vocabulary(cudaStream_t stream, CardProducts& products, const VocabularyPart& work,
                    linalg::ForwardPrecision precision, device::DeviceMemory& scratch);

}  // namespace alphaprune::transformer::card
