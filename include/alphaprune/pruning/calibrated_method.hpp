#pragma once

namespace alphaprune::pruning {

/// The pruning methods that look at activations.
enum class CalibratedMethod { wanda, sparsegpt };

}  // namespace alphaprune::pruning
