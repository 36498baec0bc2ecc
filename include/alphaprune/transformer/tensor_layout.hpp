#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// How a tensor that is made of linear layers lies in memory: expert after expert, of each the
/// layers one after another, every layer as outputs × inputs, however the files have them. The bias
/// of a layer is a matrix of one input.
struct TensorLayout {
    /// A layer: what it has of the stored outputs, and the row in memory at which it begins.
    struct Layer {
        int expert = 0;
        model::OutputPattern pattern;
        std::int64_t outputs = 0;
        std::int64_t first_row = 0;
    };

    std::int64_t inputs = 0;          ///< length of a row in memory
    std::int64_t stored_outputs = 0;  ///< of each expert
    bool transposed = false;          ///< the files have inputs × outputs
    std::vector<Layer> layers;        ///< by their first rows; none: all lies as it is stored

    /// Row at which the outputs of a layer, or all outputs of an expert, begin. @param expert  −1:
    /// 0
    std::int64_t first_row(int expert, const model::OutputPattern& pattern,
                           std::int64_t outputs) const;
    /// Whether the rows in memory are those of the files, in their order.
    bool is_as_stored() const;
    /// Rows of the files as matrices (model::as_matrix_rows) that an expert has.
    std::int64_t stored_rows() const { return transposed ? inputs : stored_outputs; }
};

/// Of each tensor of a block.
std::vector<TensorLayout> layouts_of(const model::BlockDescription& block);

/// Copies rows of the files to their place in memory.
/// @tparam Value  float, or std::uint16_t for any type of that size
/// @param rows    of the tensor as model::as_matrix_rows
/// @param stored  those rows
/// @param memory  the whole tensor
template <class Value>
void lay_out(const TensorLayout& layout, parallel::RowRange rows, std::span<const Value> stored,
             std::span<Value> memory);
/// The inverse: rows of the files from memory.
template <class Value>
void put_together(const TensorLayout& layout, parallel::RowRange rows,
                  std::span<const Value> memory, std::span<Value> stored);

}  // namespace alphaprune::transformer
