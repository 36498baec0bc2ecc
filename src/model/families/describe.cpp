#include "describe.hpp"

#include <cassert>
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

namespace {

/// @param layer  what the slices have in common
/// @return the position of the first
int add_slices(BlockDescription& block, LinearLayer layer, [[maybe_unused]] std::int64_t rows,
               const std::vector<LayerSlice>& slices) {
    const auto first = static_cast<int>(block.layers.size());
    [[maybe_unused]] std::int64_t together = 0;
    for (const LayerSlice& slice : slices) {
        layer.rows = slice.rows;
        layer.pattern = slice.pattern;
        layer.slice = layer.expert < 0     ? slice.name
                      : slice.name.empty() ? std::to_string(layer.expert)
                                           : std::to_string(layer.expert) + "." + slice.name;
        together += slice.rows;
        block.layers.push_back(layer);
    }
    assert(together == rows);
    return first;
}

std::vector<std::int64_t> stored_shape(std::int64_t rows, std::int64_t cols, bool transposed) {
    return transposed ? std::vector{cols, rows} : std::vector{rows, cols};
}

}  // namespace

int add_fused_linear(BlockDescription& block, std::string_view name, std::int64_t rows,
                     std::int64_t cols, bool bias, const std::vector<LayerSlice>& slices,
                     bool transposed) {
    LinearLayer layer;
    layer.cols = cols;
    layer.transposed = transposed;
    layer.weight = add_tensor(block.tensors, std::string(name) + ".weight",
                              stored_shape(rows, cols, transposed));
    if (bias) {
        layer.bias = add_tensor(block.tensors, std::string(name) + ".bias", {rows});
    }
    return add_slices(block, layer, rows, slices);
}

int add_expert_linears(BlockDescription& block, std::string weight, std::string bias,
                       std::int64_t experts, std::int64_t rows, std::int64_t cols,
                       const std::vector<LayerSlice>& slices, bool transposed) {
    LinearLayer layer;
    layer.cols = cols;
    layer.transposed = transposed;
    std::vector<std::int64_t> shape = stored_shape(rows, cols, transposed);
    shape.insert(shape.begin(), experts);
    layer.weight = add_tensor(block.tensors, std::move(weight), std::move(shape));
    if (!bias.empty()) {
        layer.bias = add_tensor(block.tensors, std::move(bias), {experts, rows});
    }
    const auto first = static_cast<int>(block.layers.size());
    for (std::int64_t expert = 0; expert < experts; ++expert) {
        layer.expert = static_cast<int>(expert);
        add_slices(block, layer, rows, slices);
    }
    return first;
}

AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block) {
    return {model.heads, model.key_value_heads, model.head_size, model.window_of(block)};
}

namespace {

formats::Json::Object llama_configuration_fields(const NamedShape& shape) {
    const ModelSeries& series = *shape.series;
    formats::Json::Object fields{{"intermediate_size", shape.intermediate},
                                 {"num_key_value_heads", shape.key_value_heads},
                                 {"hidden_act", "silu"},
                                 {"rms_norm_eps", shape.norm_epsilon},
                                 {"rope_theta", series.rope_theta},
                                 {"tie_word_embeddings", false}};
    if (series.llama3_scaling) {
        fields.emplace_back("rope_scaling",
                            formats::Json::Object{{"rope_type", "llama3"},
                                                  {"factor", 8.0},
                                                  {"low_freq_factor", 1.0},
                                                  {"high_freq_factor", 4.0},
                                                  {"original_max_position_embeddings", 8192}});
    }
    if (series.sliding_window > 0) {
        fields.emplace_back("sliding_window", series.sliding_window);
    }
    return fields;
}

FrameDescription describe_llama_frame(const ModelConfiguration& model) {
    FrameDescription frame;
    frame.embedding = add_tensor(frame.tensors, "model.embed_tokens.weight",
                                 {model.vocabulary, model.hidden_size});
    frame.before_blocks = static_cast<int>(frame.tensors.size());
    frame.final_norm = add_norm(frame.tensors, model, NormKind::rms, "model.norm");
    frame.head = add_tensor(frame.tensors, "lm_head.weight", {model.vocabulary, model.hidden_size});
    return frame;
}

}  // namespace

BlockDescription describe_llama_block(const ModelConfiguration& model, std::int64_t block,
                                      const LlamaBiases& biases) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t inner = model.intermediate_size;
    const std::int64_t queries = model.heads * model.head_size;
    const std::int64_t keys = model.key_value_heads * model.head_size;

    BlockDescription made;
    AttentionLayer attention;
    attention.query = add_linear(made, "self_attn.q_proj", queries, hidden, biases.query_key_value);
    attention.key = add_linear(made, "self_attn.k_proj", keys, hidden, biases.query_key_value);
    attention.value = add_linear(made, "self_attn.v_proj", keys, hidden, biases.query_key_value);
    attention.output =
        add_linear(made, "self_attn.o_proj", hidden, queries, biases.attention_output);
    attention.shape = attention_shape(model, block);
    attention.rotary = true;

    MlpLayer mlp;
    mlp.gate = add_linear(made, "mlp.gate_proj", inner, hidden, biases.mlp);
    mlp.up = add_linear(made, "mlp.up_proj", inner, hidden, biases.mlp);
    mlp.down = add_linear(made, "mlp.down_proj", hidden, inner, biases.mlp);
    mlp.activation = model.activation;

    const NormLayer before_attention =
        add_norm(made.tensors, model, NormKind::rms, "input_layernorm");
    const NormLayer before_mlp =
        add_norm(made.tensors, model, NormKind::rms, "post_attention_layernorm");
    made.sublayers = {{before_attention, attention, {}}, {before_mlp, mlp, {}}};
    return made;
}

Family llama_like(std::string_view name, const ConfigurationDefaults& defaults,
                  std::span<const NamedShape> shapes,
                  BlockDescription (*describe_block)(const ModelConfiguration&, std::int64_t)) {
    return {name,   "model.",       "model.layers.",      defaults,
            shapes, describe_block, describe_llama_frame, llama_configuration_fields};
}

}  // namespace alphaprune::model::families
