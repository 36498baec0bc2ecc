#include <utility>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ConfigurationDefaults kDefaults{
    .max_positions = 2048, .norm_epsilon = 1e-5, .activation = "relu", .tied_embeddings = true};

/// The first two rows of the position table stood for padding once.
constexpr std::int64_t kUnusedPositions = 2;

Sublayer residual(const ModelConfiguration& model, const NormLayer& norm,
                  std::variant<AttentionLayer, MlpLayer> body) {
    return model.norm_before ? Sublayer{norm, std::move(body), {}}
                             : Sublayer{{}, std::move(body), norm};
}

BlockDescription describe_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t inner = model.intermediate_size;
    const std::int64_t queries = model.heads * model.head_size;
    const std::int64_t keys = model.key_value_heads * model.head_size;
    const bool biases = model.all_biases;

    BlockDescription made;
    AttentionLayer attention;
    attention.key = add_linear(made, "self_attn.k_proj", keys, hidden, biases);
    attention.value = add_linear(made, "self_attn.v_proj", keys, hidden, biases);
    attention.query = add_linear(made, "self_attn.q_proj", queries, hidden, biases);
    attention.output = add_linear(made, "self_attn.out_proj", hidden, queries, biases);
    attention.shape = attention_shape(model, block);
    const NormLayer attention_norm =
        add_norm(made.tensors, model, NormKind::layer, "self_attn_layer_norm");

    MlpLayer mlp;
    mlp.up = add_linear(made, "fc1", inner, hidden, biases);
    mlp.down = add_linear(made, "fc2", hidden, inner, biases);
    mlp.activation = model.activation;
    const NormLayer mlp_norm = add_norm(made.tensors, model, NormKind::layer, "final_layer_norm");

    made.sublayers = {residual(model, attention_norm, attention), residual(model, mlp_norm, mlp)};
    return made;
}

FrameDescription describe_frame(const ModelConfiguration& model) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t narrow = model.embedding_size;
    FrameDescription frame;
    frame.embedding =
        add_tensor(frame.tensors, "model.decoder.embed_tokens.weight", {model.vocabulary, narrow});
    frame.position_offset = kUnusedPositions;
    frame.position_table = add_tensor(frame.tensors, "model.decoder.embed_positions.weight",
                                      {model.max_positions + kUnusedPositions, hidden});
    if (narrow != hidden) {
        frame.project_out =
            add_tensor(frame.tensors, "model.decoder.project_out.weight", {narrow, hidden});
        frame.project_in =
            add_tensor(frame.tensors, "model.decoder.project_in.weight", {hidden, narrow});
    }
    if (model.norm_before && !model.final_norm_removed) {
        frame.final_norm =
            add_norm(frame.tensors, model, NormKind::layer, "model.decoder.final_layer_norm");
    }
    frame.before_blocks = static_cast<int>(frame.tensors.size());
    frame.head = add_tensor(frame.tensors, "lm_head.weight", {model.vocabulary, narrow});
    return frame;
}

}  // namespace

/// OPT (arXiv 2205.01068): learned positions, layer norms before or (opt-350m) after, plain MLP.
const Family& opt() {
    static constexpr Family family{"opt",     "model.",       "model.decoder.layers.",
                                   kDefaults, describe_block, describe_frame};
    return family;
}

}  // namespace alphaprune::model::families
