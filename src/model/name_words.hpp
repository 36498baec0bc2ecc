#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

// What the names of tensors say.

namespace alphaprune::model {

/// A tensor's name taken apart at a number: "model.layers." 12 "mlp.up_proj.weight".
struct NumberedName {
    std::string_view prefix;
    std::int64_t number = 0;
    std::string_view rest;
};

/// The name behind a known prefix, or nothing when it is no number that follows.
std::optional<NumberedName> after_prefix(std::string_view name, std::string_view prefix);

/// The block that a tensor is inside of; nothing for a tensor outside of the blocks.
std::optional<std::int64_t> block_of(std::string_view name, const BlockStack& blocks);

/// Every way to read a name as "<prefix>.<number>.<rest>", the outermost first. In
/// "model.layers.3.experts.5.w1.weight" 3 comes before 5.
std::vector<NumberedName> numbered_parts(std::string_view name);

/// The parts of a name between its dots: "mlp.gate.weight" is mlp, gate, weight.
std::vector<std::string_view> components_of(std::string_view name, char separator = '.');

/// The words of one or several such parts, in lower case, without digits at the end:
/// "input_layernorm" is input, layernorm; "norm2" is norm; "SelfAttention" is selfattention.
std::vector<std::string> words_of(std::string_view part);

// What the words of a layer's own name say ("q_norm": q, norm).

/// "q_norm", "ln_1", "norm_q"; "norm_proj" is a linear layer.
bool is_norm(const std::vector<std::string>& words);
/// "embed_positions", "relative_attention_bias"; "embed_proj" and "linear_pos" are linear layers.
bool is_table(const std::vector<std::string>& words);
/// "conv1d", "short_conv".
bool is_convolution(const std::vector<std::string>& words);
/// "lm_head".
bool is_head(const std::vector<std::string>& words);

// What the words of a tensor's last name say.

/// "weight_scale_inv", "A_log".
bool is_vector(const std::vector<std::string>& words);
/// "causal_mask", "inv_freq".
bool is_buffer(const std::vector<std::string>& words);

// What one part of a name between two dots says.

/// "lora_A".
bool is_adapter(std::string_view part);
bool is_number(std::string_view part);
/// "router", "mod_router".
bool is_router(std::string_view part);
/// "gate", "wg": a router, or a gate of another kind.
bool is_gate(std::string_view part);
/// "experts", "local_experts", "expert_5"; with `shared` also "shared_experts", which every token
/// goes through.
bool names_experts(std::string_view part, bool shared);
/// The number in "5" or "expert_5"; -1 for none.
std::int64_t expert_number(std::string_view part);

}  // namespace alphaprune::model
