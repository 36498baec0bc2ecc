#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::model {

/// Fills `out` with the stored bytes of some rows of a catalogued tensor, from wherever the weights
/// lie: a model folder (WeightReader), a checkpoint. Each rank has its own. @throws Error
using RowSource = std::function<void(const TensorInfo& tensor, parallel::RowRange rows,
                                     std::span<std::byte> out)>;

}  // namespace alphaprune::model
