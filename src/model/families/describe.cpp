#include "describe.hpp"

#include <cassert>
#include <cmath>
#include <utility>

#include "config_fields.hpp"

namespace alphaprune::model::families {

int add_tensor(std::vector<TensorSpec>& tensors, std::string name,
               std::vector<std::int64_t> shape) {
    tensors.push_back({std::move(name), std::move(shape)});
    return static_cast<int>(tensors.size()) - 1;
}

NormLayer add_norm(std::vector<TensorSpec>& tensors, const ModelConfiguration& model,
                   const NormStyle& style, std::string_view name, std::int64_t width) {
    NormLayer norm{style.kind, model.norm_epsilon, width > 0 ? width : model.hidden_size, -1, -1};
    norm.unit_offset = style.unit_offset;
    if (model.norm_affine) {
        norm.weight = add_tensor(tensors, std::string(name) + ".weight", {norm.width});
        if (style.bias) {
            norm.bias = add_tensor(tensors, std::string(name) + ".bias", {norm.width});
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

int add_grouped_heads(BlockDescription& block, std::string_view name,
                      const ModelConfiguration& model, bool bias) {
    const std::int64_t size = model.head_size;
    const std::int64_t queries = model.heads / model.key_value_heads * size;  // of a group
    const std::int64_t stride = queries + 2 * size;
    const std::int64_t groups = model.key_value_heads;
    return add_fused_linear(block, name, groups * stride, model.hidden_size, bias,
                            {{"q", {0, queries, stride}, groups * queries},
                             {"k", {queries, size, stride}, groups * size},
                             {"v", {queries + size, size, stride}, groups * size}});
}

AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block) {
    AttentionShape shape{model.heads,           model.key_value_heads,
                         model.head_size,       model.window_of(block),
                         model.attention_scale, model.attention_softcap};
    shape.alibi = model.alibi;
    return shape;
}

RotaryLayer rotary_layer(const ModelConfiguration& model, std::int64_t block) {
    const RopeParameters& rope = model.rope_of(block);
    return {rope, static_cast<std::int64_t>(static_cast<double>(model.head_size) * rope.share),
            false};
}

AttentionLayer add_attention(BlockDescription& made, const ModelConfiguration& model,
                             std::int64_t block, const AttentionBiases& biases) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t queries = model.heads * model.head_size;
    const std::int64_t keys = model.key_value_heads * model.head_size;
    AttentionLayer attention;
    attention.query = add_linear(made, "self_attn.q_proj", queries, hidden, biases.query_key_value);
    attention.key = add_linear(made, "self_attn.k_proj", keys, hidden, biases.query_key_value);
    attention.value = add_linear(made, "self_attn.v_proj", keys, hidden, biases.query_key_value);
    attention.output = add_linear(made, "self_attn.o_proj", hidden, queries, biases.output);
    attention.shape = attention_shape(model, block);
    attention.rotary = rotary_layer(model, block);
    return attention;
}

MlpLayer add_gated_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias,
                       std::string_view name, std::int64_t inner) {
    const std::string prefix(name);
    MlpLayer mlp;
    mlp.gate = add_linear(made, prefix + ".gate_proj", inner, model.hidden_size, bias);
    mlp.up = add_linear(made, prefix + ".up_proj", inner, model.hidden_size, bias);
    mlp.down = add_linear(made, prefix + ".down_proj", model.hidden_size, inner, bias);
    mlp.activation = model.activation;
    return mlp;
}

MlpLayer add_gated_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias) {
    return add_gated_mlp(made, model, bias, "mlp", model.intermediate_size);
}

MlpLayer add_plain_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias,
                       std::string_view up, std::string_view down) {
    MlpLayer mlp;
    mlp.up = add_linear(made, up, model.intermediate_size, model.hidden_size, bias);
    mlp.down = add_linear(made, down, model.hidden_size, model.intermediate_size, bias);
    mlp.activation = model.activation;
    return mlp;
}

int add_dense_linear(BlockDescription& made, std::string_view name, std::int64_t rows,
                     std::int64_t cols, bool bias) {
    const int layer = add_linear(made, name, rows, cols, bias);
    made.layers.back().prunable = false;
    return layer;
}

void add_head_norms(BlockDescription& made, const ModelConfiguration& model, const NormStyle& style,
                    AttentionLayer& attention) {
    attention.query_norm =
        add_norm(made.tensors, model, style, "self_attn.q_norm", model.head_size);
    attention.key_norm = add_norm(made.tensors, model, style, "self_attn.k_norm", model.head_size);
}

void add_sublayers(BlockDescription& made, const ModelConfiguration& model, const NormStyle& style,
                   SublayerBody attention, SublayerBody body) {
    const NormLayer before_attention = add_norm(made.tensors, model, style, "input_layernorm");
    const NormLayer before_body = add_norm(made.tensors, model, style, "post_attention_layernorm");
    made.sublayers = {{.norm_before = before_attention, .body = std::move(attention)},
                      {.norm_before = before_body, .body = std::move(body)}};
}

void read_plain_heads(ConfigFields& fields, ModelConfiguration& model) {
    if (model.heads == 0) {
        return;  // which is a fault already
    }
    model.key_value_heads = model.heads;
    model.head_size = model.hidden_size / model.heads;
    if (model.hidden_size % model.heads != 0 && !fields.is_absent({"head_dim"})) {
        fields.reject("num_attention_heads", "a divisor of the hidden size",
                      std::to_string(model.heads));
    }
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
    return fields;
}

}  // namespace

BlockDescription describe_llama_block(const ModelConfiguration& model, std::int64_t block,
                                      const AttentionBiases& biases, bool mlp_bias) {
    BlockDescription made;
    AttentionLayer attention = add_attention(made, model, block, biases);
    MlpLayer mlp = add_gated_mlp(made, model, mlp_bias);
    add_sublayers(made, model, kRmsNorm, std::move(attention), std::move(mlp));
    return made;
}

FrameDescription describe_frame(const ModelConfiguration& model, const NormStyle& style,
                                const FrameNames& names) {
    FrameDescription frame;
    frame.embedding = add_tensor(frame.tensors, std::string(names.embedding),
                                 {model.vocabulary, model.hidden_size});
    frame.embedding_multiplier = model.embedding_multiplier;
    frame.before_blocks = static_cast<int>(frame.tensors.size());
    frame.final_norm = add_norm(frame.tensors, model, style, names.norm);
    frame.head =
        add_tensor(frame.tensors, std::string(names.head), {model.vocabulary, model.hidden_size});
    frame.logits_multiplier = model.logits_multiplier;
    frame.logits_softcap = model.logits_softcap;
    return frame;
}

Family named_as_llama(Family family) {
    family.base_prefix = "model.";
    family.block_prefix = "model.layers.";
    if (family.describe_frame == nullptr) {
        family.describe_frame = [](const ModelConfiguration& model) {
            return describe_frame(model, kRmsNorm);
        };
    }
    if (family.configuration_fields == nullptr) {
        family.configuration_fields = llama_configuration_fields;
    }
    return family;
}

BlockDescription describe_gemma_block(const ModelConfiguration& model, std::int64_t block,
                                      bool norm_heads) {
    BlockDescription made;
    const bool bias = model.attention_bias;
    AttentionLayer attention = add_attention(made, model, block, {bias, bias});
    const auto norm = [&](std::string_view name) {
        return add_norm(made.tensors, model, kGemmaNorm, name);
    };
    if (norm_heads) {
        add_head_norms(made, model, kGemmaNorm, attention);
    }
    const MlpLayer mlp = add_gated_mlp(made, model);
    const NormLayer before_attention = norm("input_layernorm");
    const NormLayer of_attention = norm("post_attention_layernorm");
    const NormLayer before_mlp = norm("pre_feedforward_layernorm");
    const NormLayer of_mlp = norm("post_feedforward_layernorm");
    made.sublayers = {
        {.norm_before = before_attention, .body = attention, .norm_output = of_attention},
        {.norm_before = before_mlp, .body = mlp, .norm_output = of_mlp}};
    return made;
}

FrameDescription describe_gemma_frame(const ModelConfiguration& model) {
    return describe_frame(model, kGemmaNorm);
}

void read_gemma_fields(ConfigFields& fields, ModelConfiguration& model) {
    constexpr double kUsualScale = 256;
    model.attention_scale =
        1 / std::sqrt(fields.positive({"query_pre_attn_scalar"}).value_or(kUsualScale));
    model.embedding_multiplier = std::sqrt(static_cast<double>(model.hidden_size));
    model.activation = fields.text({"hidden_activation"}).value_or("gelu_pytorch_tanh");
    if (fields.flag({"use_bidirectional_attention"}).value_or(false)) {
        fields.reject("use_bidirectional_attention", "false, as in all models that generate text",
                      "true");
    }
}

}  // namespace alphaprune::model::families
