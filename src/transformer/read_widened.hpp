#pragma once

#include <span>

#include "alphaprune/model/row_source.hpp"

namespace alphaprune::transformer {

/// Some rows of a tensor as float32, read a few megabytes at a time. @throws Error as the source
/// does
void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out);

}  // namespace alphaprune::transformer
