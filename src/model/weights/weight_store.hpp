#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// What a WeightReader reads from. Each rank has its own; all give the same bytes.
class WeightStore {
  public:
    virtual ~WeightStore() = default;

    /// Fills `out` with the stored bytes of a rectangle of the tensor (rows × row_length), row
    /// after row. @throws Error
    virtual void read(const TensorInfo& tensor, const linalg::Rectangle& part,
                      std::span<std::byte> out) = 0;

    /// Prefetches the tensor, where that is possible. Reports no fault: reading will.
    virtual void will_need(const TensorInfo&) {}
};

/// Weights that are generated (model/synthetic.hpp says how).
std::unique_ptr<WeightStore> generate_weights(const Catalogue& catalogue);

}  // namespace alphaprune::model
