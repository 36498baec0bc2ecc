#include "describe.hpp"

#include <utility>

namespace alphaprune::model::families {

int add_tensor(std::vector<TensorSpec>& tensors, std::string name,
               std::vector<std::int64_t> shape) {
    tensors.push_back({std::move(name), std::move(shape)});
    return static_cast<int>(tensors.size()) - 1;
}

NormLayer add_norm(std::vector<TensorSpec>& tensors, const ModelConfiguration& model, NormKind kind,
                   std::string_view name) {
    NormLayer norm{kind, model.norm_epsilon, model.hidden_size, -1, -1};
    if (model.norm_affine) {
        norm.weight = add_tensor(tensors, std::string(name) + ".weight", {model.hidden_size});
        if (kind == NormKind::layer) {
            norm.bias = add_tensor(tensors, std::string(name) + ".bias", {model.hidden_size});
        }
    }
    return norm;
}

int add_linear(BlockDescription& block, std::string_view name, std::int64_t rows, std::int64_t cols,
               bool bias) {
    LinearLayer layer;
    layer.rows = rows;
    layer.cols = cols;
    layer.weight = add_tensor(block.tensors, std::string(name) + ".weight", {rows, cols});
    if (bias) {
        layer.bias = add_tensor(block.tensors, std::string(name) + ".bias", {rows});
    }
    block.layers.push_back(std::move(layer));
    return static_cast<int>(block.layers.size()) - 1;
}

AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block) {
    return {model.heads, model.key_value_heads, model.head_size, model.window_of(block)};
}

}  // namespace alphaprune::model::families
