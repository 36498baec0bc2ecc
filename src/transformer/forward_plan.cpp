#include "alphaprune/transformer/forward_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "alphaprune/support/message.hpp"
#include "attention.hpp"
#include "block_pass.hpp"
#include "find_forward_tensors.hpp"
#include "rotary.hpp"
#include "shared_weights.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

const support::BadRequest<std::string_view, std::string, std::string> kNoForwardPass{
    "transformer.no-forward-pass", "no forward pass for models of type '{}'{}",
    "the program knows the blocks of some families only",
    "perplexity, and pruners and allocations that need --calibration, are available for: {2}; "
    "pruning by magnitude works for every model"};
const support::BadRequest<std::string, std::string> kUnknownActivation{
    "transformer.activation", "the activation function '{}' is not supported",
    "the model is a variant of its family", "supported are: {1}"};
const support::BadRequest<std::string_view, std::string_view> kUnknownRotary{
    "transformer.rotary-type", "the rotary position embedding of type '{}' is not supported",
    "the model's context was extended in another way", "supported are: {1}"};
const support::BadRequest<std::int64_t> kOddHeadSize{
    "transformer.odd-head-size", "the head size is {}: rotary position embeddings need an even one",
    "a value is rotated together with another one",
    "check head_dim, or hidden_size and num_attention_heads"};

void check_features(const ForwardPlan& plan, const std::string& where, support::FaultList& faults) {
    const model::ModelConfiguration& model = plan.configuration();
    std::set<std::string> unknown;
    bool rotary = false;
    for (const BlockPlan& block : plan.blocks) {
        for (const model::Sublayer& sublayer : block.description.sublayers) {
            if (const auto* mlp = std::get_if<model::MlpLayer>(&sublayer.body)) {
                if (activation_named(mlp->activation) == nullptr) {
                    unknown.insert(mlp->activation);
                }
            }
        }
        rotary = rotary || rotates(block.description);
    }
    for (const std::string& name : unknown) {
        faults.add(kUnknownActivation(where, name, activation_names()));
    }
    if (rotary && !is_known_rotary(model.rope.type)) {
        faults.add(kUnknownRotary(where, model.rope.type, rotary_types()));
    }
    if (rotary && model.head_size % 2 != 0) {
        faults.add(kOddHeadSize(where, model.head_size));
    }
}

double products_flops(const model::BlockDescription& block) {
    double per_token = 0;
    for (const auto& site : layers_by_site(block)) {
        for (const int index : site) {
            const model::LinearLayer& layer = block.layers[static_cast<std::size_t>(index)];
            per_token += 2.0 * static_cast<double>(layer.rows * layer.cols);
        }
    }
    return per_token;
}

}  // namespace

std::int64_t ForwardPlan::feature_size() const {
    return frame.tensors[static_cast<std::size_t>(frame.head)].shape.back();
}

ForwardPlan make_forward_plan(const model::Catalogue& catalogue, const model::Family& family) {
    TensorFinder finder(catalogue);
    ForwardPlan plan = find_forward_parts(finder, catalogue, family);
    support::FaultList faults;
    check_features(plan, (catalogue.folder / "config.json").string(), faults);
    finder.report(faults);
    faults.throw_if_any();
    find_head(finder, plan);
    plan.used = finder.used();
    return plan;
}

ForwardPlan make_forward_plan(const model::Catalogue& catalogue) {
    const model::ModelConfiguration& model = catalogue.configuration;
    const model::Family* const family = model::family_of(model.model_type);
    if (family == nullptr) {
        throw kNoForwardPass((catalogue.folder / "config.json").string(), model.model_type,
                             model.architecture.empty() ? "" : " (" + model.architecture + ")",
                             model::family_names());
    }
    return make_forward_plan(catalogue, *family);
}

void require_head(const ForwardPlan& plan) {
    plan.head_faults.throw_if_any();
}

std::vector<std::vector<int>> layers_by_site(const model::BlockDescription& block) {
    std::vector<std::vector<int>> sites;
    for (const model::Sublayer& sublayer : block.sublayers) {
        if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
            sites.push_back({attention->query, attention->key, attention->value});
            sites.push_back({attention->output});
        } else {
            const auto& mlp = std::get<model::MlpLayer>(sublayer.body);
            sites.push_back(mlp.gate < 0 ? std::vector{mlp.up} : std::vector{mlp.gate, mlp.up});
            sites.push_back({mlp.down});
        }
    }
    return sites;
}

std::vector<InputSite> input_sites(const ForwardPlan& plan, int block) {
    const BlockPlan& of = plan.block(block);
    std::vector<InputSite> sites;
    for (const auto& layers : layers_by_site(of.description)) {
        InputSite site;
        for (const int layer : layers) {
            const auto index = static_cast<std::size_t>(layer);
            if (of.matrices[index] >= 0) {
                site.matrices.push_back(of.matrices[index]);
            }
            site.cols = of.description.layers[index].cols;
        }
        std::ranges::sort(site.matrices);
        // Several layers may be parts of one matrix.
        site.matrices.erase(std::unique(site.matrices.begin(), site.matrices.end()),
                            site.matrices.end());
        const bool writes = sites.size() % 2 == 1;  // the second site of a sublayer
        site.residual_rows = writes ? plan.hidden_size() : 0;
        sites.push_back(std::move(site));
    }
    return sites;
}

double block_flops(const ForwardPlan& plan, int block, std::int64_t tokens) {
    const model::BlockDescription& description = plan.block(block).description;
    double flops = products_flops(description) * static_cast<double>(tokens);
    for (const model::Sublayer& sublayer : description.sublayers) {
        if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
            const model::AttentionShape& shape = attention->shape;
            flops += 4.0 * static_cast<double>(shape.heads * shape.head_size) *
                     attended_pairs(tokens, shape.window);
        }
    }
    return flops;
}

std::uint64_t block_weight_bytes(const ForwardPlan& plan, int block) {
    return SharedWeights::bytes_for(*plan.catalogue, plan.block(block).tensors);
}

std::int64_t kept_values(const ForwardPlan& plan, int block) {
    return kept_width(plan.block(block).description);
}

std::uint64_t scratch_bytes(const ForwardPlan& plan, std::int64_t tokens) {
    std::int64_t values = 0;
    bool rotary = false;
    for (const BlockPlan& block : plan.blocks) {
        values = std::max(values, block_scratch(block.description, plan.hidden_size(), tokens));
        rotary = rotary || rotates(block.description);
    }
    const std::int64_t angles = rotary ? plan.configuration().head_size : 0;
    return static_cast<std::uint64_t>(values + tokens * angles) * sizeof(float);
}

}  // namespace alphaprune::transformer
