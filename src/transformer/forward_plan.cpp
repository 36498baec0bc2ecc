#include "forward_plan.hpp"

#include <fmt/format.h>

#include "alphaprune/support/error.hpp"

namespace alphaprune::transformer {
namespace {

void require_family(const model::Catalogue& catalogue, std::string_view where) {
    const model::ModelConfiguration& model = catalogue.configuration;
    if (forward_family_of(model.model_type) == nullptr) {
        throw support::bad_request(
            fmt::format("no forward pass for models of type '{}'{}", model.model_type,
                        model.architecture.empty() ? "" : " (" + model.architecture + ")"),
            std::string(where),
            fmt::format("perplexity, and pruners and allocations that need --calibration, are "
                        "available for: {}; the others work for this model all the same",
                        forward_family_names()));
    }
}

void check_features(const model::ModelConfiguration& model, const ForwardFamily& family,
                    const std::string& where, support::FaultList& faults) {
    if (activation_named(model.activation) == nullptr) {
        faults.add(fmt::format("the activation function '{}' is not supported", model.activation),
                   where, "supported are: " + activation_names());
    }
    if (family.positions != Positions::rotary) {
        return;
    }
    if (!is_known_rotary(model.rope.type)) {
        faults.add(fmt::format("the rotary position embedding of type '{}' is not supported",
                               model.rope.type),
                   where, fmt::format("supported are: {}", rotary_types()));
    }
    if (model.head_size % 2 != 0) {
        faults.add(fmt::format("the head size is {}: rotary position embeddings need an even one",
                               model.head_size),
                   where, "check head_dim, or hidden_size and num_attention_heads");
    }
}

std::span<const float> values_of(const SharedWeights& weights, int tensor) {
    return tensor < 0 ? std::span<const float>{} : weights.values(tensor);
}

}  // namespace

ForwardPlan make_forward_plan(const model::Catalogue& catalogue) {
    const std::string where = (catalogue.folder / "config.json").string();
    require_family(catalogue, where);
    const model::ModelConfiguration& model = catalogue.configuration;
    ForwardPlan plan;
    plan.catalogue = &catalogue;
    plan.family = forward_family_of(model.model_type);
    plan.activation = activation_named(model.activation);

    support::FaultList faults;
    check_features(model, *plan.family, where, faults);
    TensorFinder finder(catalogue);
    for (int block = 0; block < model.blocks; ++block) {
        plan.blocks.push_back(find_block_tensors(finder, catalogue, *plan.family, block));
    }
    plan.input = find_input_tensors(finder, catalogue, *plan.family);
    finder.report(faults);
    faults.throw_if_any();
    plan.head = find_head_tensors(finder, catalogue, *plan.family);
    plan.used = finder.used();
    if (plan.family->positions == Positions::rotary) {
        plan.rotary = RotaryTable(rotary_frequencies(model.rope, model.head_size));
    }
    return plan;
}

Attention attention_of(const ForwardPlan& plan, int block) {
    const model::ModelConfiguration& model = plan.configuration();
    return {model.heads, model.key_value_heads, model.head_size, model.window_of(block)};
}

void run_norm(const ForwardPlan& plan, const Norm& norm, const SharedWeights& weights,
              std::span<const float> values, std::span<float> out) {
    const model::ModelConfiguration& model = plan.configuration();
    const NormValues learned{values_of(weights, norm.weight), values_of(weights, norm.bias)};
    apply_norm(plan.family->norm, learned, model.norm_epsilon, model.hidden_size, values, out);
}

}  // namespace alphaprune::transformer
