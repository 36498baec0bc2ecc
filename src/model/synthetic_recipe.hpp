#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// How the weights of one synthetic tensor are made:
///     weight(i, j) = shift + row_scale(i) · col_scale(j) · z(i, j),
/// z a bell-shaped whole number drawn from the tensor's key, the row and the column. The scales of
/// tensors of two or more dimensions follow power laws, which gives the spectrum its heavy tail.
struct SyntheticRecipe {
    std::uint64_t key = 0;  ///< of the tensor's name
    float shift = 0;
    std::vector<float> row_scales;
    std::vector<float> col_scales;
};

SyntheticRecipe recipe_of(const Catalogue& catalogue, const TensorInfo& tensor);

}  // namespace alphaprune::model
