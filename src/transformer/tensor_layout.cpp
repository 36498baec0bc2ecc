#include "alphaprune/transformer/tensor_layout.hpp"

#include <algorithm>
#include <cassert>

namespace alphaprune::transformer {
namespace {

using Layer = TensorLayout::Layer;

/// The layers of some experts.
std::span<const Layer> layers_of(const TensorLayout& layout, std::int64_t first,
                                 std::int64_t last) {
    const auto expert = [](const Layer& layer) { return static_cast<std::int64_t>(layer.expert); };
    const auto begin = std::ranges::lower_bound(layout.layers, first, {}, expert);
    const auto end = std::ranges::upper_bound(layout.layers, last, {}, expert);
    return {begin, end};
}

/// Calls use(stored value, value in memory, how many, gap) for what some stored rows have of each
/// layer: values that follow each other in memory, in the rows `gap` values apart.
template <class Use>
void for_each_piece(const TensorLayout& layout, parallel::RowRange rows, Use use) {
    if (rows.empty()) {
        return;
    }
    const std::int64_t each = layout.stored_rows();
    for (const Layer& layer : layers_of(layout, rows.begin / each, (rows.end - 1) / each)) {
        const std::int64_t first = std::max<std::int64_t>(rows.begin - layer.expert * each, 0);
        const std::int64_t last = std::min(rows.end - layer.expert * each, each);
        const std::int64_t skipped = layer.expert * each - rows.begin;  // rows before the expert's
        model::for_each_run(layer.pattern, {0, layer.outputs},
                            [&](std::int64_t output, std::int64_t stored, std::int64_t count) {
                                if (layout.transposed) {
                                    for (std::int64_t i = 0; i < count; ++i) {
                                        use((skipped + first) * layout.stored_outputs + stored + i,
                                            (layer.first_row + output + i) * layout.inputs + first,
                                            last - first, layout.stored_outputs);
                                    }
                                    return;
                                }
                                const std::int64_t from = std::max(stored, first);
                                const std::int64_t to = std::min(stored + count, last);
                                if (from < to) {
                                    use((skipped + from) * layout.inputs,
                                        (layer.first_row + output + from - stored) * layout.inputs,
                                        (to - from) * layout.inputs, 1);
                                }
                            });
    }
}

/// What a tensor is to a layer.
struct LayerTensor {
    bool is_bias;
    const model::LinearLayer& of;
};

TensorLayout layout_of(const model::TensorSpec& tensor, std::span<const LayerTensor> uses) {
    const bool whole = uses.size() == 1 && uses.front().of.slice.empty();
    if (uses.empty() || (whole && (uses.front().is_bias || !uses.front().of.transposed))) {
        return {};
    }
    TensorLayout layout;
    const LayerTensor& any = uses.front();
    // A bias is stored as one row of all outputs.
    layout.transposed = any.is_bias || any.of.transposed;
    layout.inputs = any.is_bias ? 1 : any.of.cols;
    layout.stored_outputs = *(tensor.shape.end() - (layout.transposed ? 1 : 2));
    for (const LayerTensor& use : uses) {
        assert(use.is_bias == any.is_bias && use.of.transposed == any.of.transposed);
        layout.layers.push_back(
            {std::max(use.of.expert, 0), use.of.pattern, use.of.rows, /*first_row=*/0});
    }
    std::ranges::stable_sort(layout.layers, {}, &Layer::expert);
    std::int64_t rows = 0;
    for (Layer& layer : layout.layers) {
        layer.first_row = rows;
        rows += layer.outputs;
        assert(layer.pattern.stored(layer.outputs - 1) < layout.stored_outputs);
    }
    assert(rows == layout.stored_outputs * (layout.layers.back().expert + 1));
    return layout;
}

}  // namespace

std::int64_t TensorLayout::first_row(int expert, const model::OutputPattern& pattern,
                                     std::int64_t outputs) const {
    const std::int64_t number = std::max(expert, 0);
    for (const Layer& layer : layers_of(*this, number, number)) {
        if (layer.pattern == pattern && layer.outputs == outputs) {
            return layer.first_row;
        }
    }
    return number * stored_outputs;
}

bool TensorLayout::is_as_stored() const {
    return !transposed && std::ranges::all_of(layers, [&](const Layer& layer) {
        return layer.pattern.run == 0 &&
               layer.expert * stored_outputs + layer.pattern.first == layer.first_row;
    });
}

std::vector<TensorLayout> layouts_of(const model::BlockDescription& block) {
    std::vector<std::vector<LayerTensor>> uses(block.tensors.size());
    for (const model::LinearLayer& layer : block.layers) {
        uses[static_cast<std::size_t>(layer.weight)].push_back({false, layer});
        if (layer.bias >= 0) {
            uses[static_cast<std::size_t>(layer.bias)].push_back({true, layer});
        }
    }
    std::vector<TensorLayout> layouts;
    for (std::size_t t = 0; t < uses.size(); ++t) {
        layouts.push_back(layout_of(block.tensors[t], uses[t]));
    }
    return layouts;
}

template <class Value>
void lay_out(const TensorLayout& layout, parallel::RowRange rows, std::span<const Value> stored,
             std::span<Value> memory) {
    for_each_piece(layout, rows,
                   [&](std::int64_t from, std::int64_t to, std::int64_t count, std::int64_t gap) {
                       const Value* source = stored.data() + from;
                       Value* const target = memory.data() + to;
                       if (gap == 1) {
                           std::copy_n(source, count, target);
                           return;
                       }
                       for (std::int64_t i = 0; i < count; ++i, source += gap) {
                           target[i] = *source;
                       }
                   });
}

template <class Value>
void put_together(const TensorLayout& layout, parallel::RowRange rows,
                  std::span<const Value> memory, std::span<Value> stored) {
    for_each_piece(layout, rows,
                   [&](std::int64_t to, std::int64_t from, std::int64_t count, std::int64_t gap) {
                       const Value* const source = memory.data() + from;
                       Value* target = stored.data() + to;
                       if (gap == 1) {
                           std::copy_n(source, count, target);
                           return;
                       }
                       for (std::int64_t i = 0; i < count; ++i, target += gap) {
                           *target = source[i];
                       }
                   });
}

template void lay_out(const TensorLayout&, parallel::RowRange, std::span<const float>,
                      std::span<float>);
template void lay_out(const TensorLayout&, parallel::RowRange, std::span<const std::uint16_t>,
                      std::span<std::uint16_t>);
template void put_together(const TensorLayout&, parallel::RowRange, std::span<const float>,
                           std::span<float>);
template void put_together(const TensorLayout&, parallel::RowRange, std::span<const std::uint16_t>,
                           std::span<std::uint16_t>);

}  // namespace alphaprune::transformer
