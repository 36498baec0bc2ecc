#include <array>
#include <utility>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kOpt{"opt", "OPTForCausalLM", "float16", 50272, 2048, 0};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 7> kOptShapes{{
  {"opt-125m", "", "facebook/opt-125m", &kOpt, 768, 3072, 12, 12, 12, 1e-5},
  {"opt-1.3b", "", "facebook/opt-1.3b", &kOpt, 2048, 8192, 24, 32, 32, 1e-5},
  {"opt-2.7b", "", "facebook/opt-2.7b", &kOpt, 2560, 10240, 32, 32, 32, 1e-5},
  {"opt-6.7b", "", "facebook/opt-6.7b", &kOpt, 4096, 16384, 32, 32, 32, 1e-5},
  {"opt-13b", "", "facebook/opt-13b", &kOpt, 5120, 20480, 40, 40, 40, 1e-5},
  {"opt-30b", "", "facebook/opt-30b", &kOpt, 7168, 28672, 48, 56, 56, 1e-5},
  {"opt-66b", "", "facebook/opt-66b", &kOpt, 9216, 36864, 64, 72, 72, 1e-5},
}};
// clang-format on

formats::Json::Object opt_configuration_fields(const NamedShape& shape) {
    return {{"ffn_dim", shape.intermediate}, {"word_embed_proj_dim", shape.hidden},
            {"activation_function", "relu"}, {"do_layer_norm_before", true},
            {"enable_bias", true},           {"tie_word_embeddings", true}};
}

/// The first two rows of the position table stood for padding once.
constexpr std::int64_t kUnusedPositions = 2;

Sublayer opt_sublayer(const ModelConfiguration& model, const NormLayer& norm, SublayerBody body) {
    return model.norm_before ? Sublayer{.norm_before = norm, .body = std::move(body)}
                             : Sublayer{.body = std::move(body), .norm_after = norm};
}

BlockDescription describe_opt_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
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
        add_norm(made.tensors, model, kLayerNorm, "self_attn_layer_norm");

    const MlpLayer mlp = add_plain_mlp(made, model, biases, "fc1", "fc2");
    const NormLayer mlp_norm = add_norm(made.tensors, model, kLayerNorm, "final_layer_norm");

    made.sublayers = {opt_sublayer(model, attention_norm, attention),
                      opt_sublayer(model, mlp_norm, mlp)};
    return made;
}

FrameDescription describe_opt_frame(const ModelConfiguration& model) {
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
            add_norm(frame.tensors, model, kLayerNorm, "model.decoder.final_layer_norm");
    }
    frame.before_blocks = static_cast<int>(frame.tensors.size());
    frame.head = add_tensor(frame.tensors, "lm_head.weight", {model.vocabulary, narrow});
    return frame;
}

}  // namespace

/// OPT (arXiv 2205.01068): learned positions, layer norms before or (opt-350m) after, plain MLP.
const Family& opt() {
    static const Family family{.name = "opt",
                               .base_prefix = "model.",
                               .block_prefix = "model.decoder.layers.",
                               .defaults = {.max_positions = 2048,
                                            .norm_epsilon = 1e-5,
                                            .activation = "relu",
                                            .tied_embeddings = true},
                               .shapes = kOptShapes,
                               .describe_block = describe_opt_block,
                               .describe_frame = describe_opt_frame,
                               .configuration_fields = opt_configuration_fields};
    return family;
}

}  // namespace alphaprune::model::families
