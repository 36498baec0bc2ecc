#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {

/// Rotary position embedding, as `rope_theta` + `rope_scaling` (transformers 4) or
/// `rope_parameters` (transformers 5) describe it. Fields that the type does not use keep their
/// defaults.
struct RopeParameters {
    std::string type = "default";
    double theta = 10000.0;
    double share = 1.0;   ///< of a head's values that are rotated (partial_rotary_factor)
    double factor = 1.0;  ///< by which the context was extended
    double low_freq_factor = 1.0;
    double high_freq_factor = 4.0;
    std::int64_t original_max_positions = 0;  ///< of dynamic: max_position_embeddings
    double beta_fast = 32.0;                  ///< YaRN's, as the next four
    double beta_slow = 1.0;
    double mscale = 0.0;
    double mscale_all_dim = 0.0;
    bool truncate = true;
    std::optional<double> attention_factor{};  ///< of YaRN and LongRoPE; nothing: by their formulas
    std::vector<double> short_factor{};        ///< LongRoPE's, one per pair of values
    std::vector<double> long_factor{};

    friend bool operator==(const RopeParameters&, const RopeParameters&) = default;
};

/// How the files hold the matrices of a mixture's experts.
enum class ExpertStorage {
    separate,          ///< a tensor each
    fused,             ///< two tensors, [experts, 2·size, hidden] (gates, then ups) and [experts,
                       ///< hidden, size]
    fused_transposed,  ///< the same with inputs before outputs
};

/// What config.json says about the model, in one set of words for all families.
struct ModelConfiguration {
    std::string model_type;    ///< "llama", "opt", …
    std::string architecture;  ///< "LlamaForCausalLM", …; may be empty
    std::int64_t hidden_size = 0;
    std::int64_t intermediate_size = 0;
    std::int64_t blocks = 0;
    std::int64_t heads = 0;
    std::int64_t key_value_heads = 0;
    std::int64_t head_size = 0;
    std::int64_t vocabulary = 0;
    std::int64_t max_positions = 0;
    double norm_epsilon = 1e-5;
    std::string activation;
    bool tied_embeddings = false;
    bool attention_bias = false;                 ///< LLaMA's, of the linear layers of the attention
    bool mlp_bias = false;                       ///< LLaMA's
    bool all_biases = true;                      ///< OPT's enable_bias, StarCoder2's use_bias
    std::optional<std::int64_t> sliding_window;  ///< only when in force in some block
    /// Blocks that see the whole sequence although sliding_window is set; ascending.
    std::vector<std::int64_t> full_attention_blocks;
    RopeParameters rope;
    std::optional<RopeParameters> window_rope;  ///< of blocks with a window, where it differs
    double attention_scale = 0;                 ///< of queries times keys; 0: 1/√head_size
    double attention_softcap = 0;               ///< scores ← cap·tanh(scores/cap); 0: none
    double logits_softcap = 0;                  ///< the same for logits
    double embedding_multiplier = 1;
    double residual_multiplier = 1;  ///< of what a sublayer adds to the residual stream
    double logits_multiplier = 1;
    bool norm_before = true;          ///< OPT's do_layer_norm_before
    bool norm_affine = true;          ///< OPT's layer_norm_elementwise_affine
    bool final_norm_removed = false;  ///< OPT's _remove_final_layer_norm
    bool scale_by_block = false;      ///< scores are divided by the block's number, from 1 (GPT-2)
    bool parallel = false;            ///< attention and MLP read the same x (GPT-NeoX, Falcon)
    bool shared_norm = false;         ///< and behind the same norm (Falcon)
    bool alibi = false;               ///< scores are biased by positions (Falcon)
    std::int64_t embedding_size = 0;  ///< OPT's word_embed_proj_dim; else hidden_size
    /// Whether all of this is about the model's part for text (text_config), and that part's
    /// model_type.
    bool is_part = false;
    std::string text_type;
    bool cross_attention = false;  ///< of the blocks, to what another part computes
    std::int64_t experts = 0;      ///< of a block; 0: not said
    std::int64_t experts_per_token = 0;
    std::int64_t expert_size = 0;         ///< intermediate size of an expert
    std::int64_t shared_expert_size = 0;  ///< of the shared expert; 0: there is none
    std::int64_t expert_groups = 1;       ///< DeepSeek-V3's n_group
    std::int64_t chosen_groups = 1;       ///< topk_group
    double expert_multiplier = 1;         ///< routed_scaling_factor
    /// Not said by config.json: found in the names and shapes of the tensors (find_matrices).
    ExpertStorage expert_storage = ExpertStorage::separate;
    bool renormalize_experts = false;        ///< the weights of a token's experts add up to 1
    double gate_limit = 0;                   ///< GPT-OSS's swiglu_limit
    double gate_steepness = 0;               ///< GPT-OSS's swiglu_alpha
    std::vector<std::int64_t> dense_blocks;  ///< that have an MLP instead of experts; ascending
    // DeepSeek's latent attention; head_size is of queries and keys, their rotated values included.
    std::int64_t query_rank = 0;  ///< q_lora_rank; 0: queries come from the hidden state
    std::int64_t key_value_rank = 0;
    std::int64_t rotated_size = 0;
    std::int64_t value_size = 0;
    bool rope_interleaved = false;
    std::int64_t prediction_blocks = 0;  ///< blocks behind the others, for multi-token prediction

    /// How many tokens back, itself included, a token of that block sees; nothing for all.
    std::optional<std::int64_t> window_of(std::int64_t block) const;
    /// Whether that block has an MLP, in a model whose blocks have experts.
    bool is_dense(std::int64_t block) const;
    /// The rotary embedding of that block.
    const RopeParameters& rope_of(std::int64_t block) const {
        return window_rope && window_of(block) ? *window_rope : rope;
    }

    friend bool operator==(const ModelConfiguration&, const ModelConfiguration&) = default;
};

/// @param where  the path, for errors
/// @throws Error (bad_request) naming every required field that is missing or of a wrong kind.
///         For a model type that the program does not know nothing is required: what is found
///         under the usual names is read, the rest stays at its defaults.
ModelConfiguration read_configuration(const formats::Json& config, std::string_view where);

}  // namespace alphaprune::model
