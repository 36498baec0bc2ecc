#include "unused_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "alphaprune/model/name_list.hpp"
#include "tensor_finder.hpp"

namespace alphaprune::transformer {
namespace {

/// What follows from the configuration alone and was stored all the same, by older libraries.
bool is_buffer(std::string_view name) {
    constexpr std::array<std::string_view, 8> kBuffers{"inv_freq",   "position_ids", "masked_bias",
                                                       "mask",       "causal_mask",  "attn_mask",
                                                       "cos_cached", "sin_cached"};
    const std::string_view last = name.substr(name.rfind('.') + 1);
    return std::ranges::find(kBuffers, last) != kBuffers.end();
}

/// "x.bias" where "x.weight" takes part in the forward pass.
bool is_bias_of_used(std::string_view name, const std::set<std::string_view>& used) {
    constexpr std::string_view kBias = ".bias";
    return name.ends_with(kBias) &&
           used.contains(fmt::format("{}.weight", name.substr(0, name.size() - kBias.size())));
}

}  // namespace

std::vector<std::string> warnings_on_unused(const ForwardPlan& plan) {
    const std::vector<model::TensorInfo>& tensors = plan.catalogue->tensors;
    std::set<std::string_view> used;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        if (plan.used[t]) {
            used.insert(tensors[t].name);
        }
    }
    std::vector<std::string> biases;
    std::vector<std::string> others;
    for (const model::TensorInfo& tensor : tensors) {
        if (!used.contains(tensor.name) && !is_buffer(tensor.name)) {
            (is_bias_of_used(tensor.name, used) ? biases : others).push_back(tensor.name);
        }
    }
    std::vector<std::string> warnings;
    if (!biases.empty()) {
        warnings.push_back(
            fmt::format("the forward pass leaves out biases that the files hold and config.json "
                        "does not announce, as transformers does: {}",
                        model::list_names(biases)));
    }
    if (!others.empty()) {
        warnings.push_back(fmt::format(
            "the forward pass of {} models has no use for these tensors, which the "
            "files hold: {}; where they matter, model_type in config.json is wrong, "
            "and so are perplexities and what pruners and allocations see of activations",
            plan.configuration().model_type, model::list_names(others)));
    }
    return warnings;
}

}  // namespace alphaprune::transformer
