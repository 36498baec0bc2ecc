#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

// What transformers 5 calls them in every family.
constexpr std::string_view kFusedRouter = "mlp.gate";
constexpr std::string_view kFusedExperts = "mlp.experts.";

void add_separate_experts(BlockDescription& made, const ModelConfiguration& model,
                          const ExpertNames& names, ExpertsLayer& layer) {
    for (std::int64_t e = 0; e < model.experts; ++e) {
        const auto add = [&](std::string_view name, std::int64_t rows, std::int64_t cols) {
            return add_linear(made, fmt::format("{}.{}.{}", names.experts, e, name), rows, cols,
                              false);
        };
        const auto add_down = [&] { return add(names.down, model.hidden_size, model.expert_size); };
        MlpLayer mlp;
        mlp.gate = add(names.gate, model.expert_size, model.hidden_size);
        mlp.down = names.down_before_up ? add_down() : -1;
        mlp.up = add(names.up, model.expert_size, model.hidden_size);
        mlp.down = names.down_before_up ? mlp.down : add_down();
        mlp.activation = model.activation;
        layer.experts.push_back(std::move(mlp));
    }
}

}  // namespace

void add_fused_experts(BlockDescription& made, const ModelConfiguration& model,
                       const FusedExperts& fused, ExpertsLayer& layer) {
    const std::int64_t inner = model.expert_size;
    const std::string prefix(kFusedExperts);
    const auto bias = [&](std::string_view name) {
        return fused.biases ? fmt::format("{}{}_bias", prefix, name) : "";
    };
    const OutputPattern gate =
        fused.interleaved ? OutputPattern{.first = 0, .run = 1, .stride = 2} : OutputPattern{};
    const OutputPattern up = fused.interleaved ? OutputPattern{.first = 1, .run = 1, .stride = 2}
                                               : OutputPattern{.first = inner};
    const int first = add_expert_linears(
        made, prefix + "gate_up_proj", bias("gate_up_proj"), model.experts, 2 * inner,
        model.hidden_size, {{"gate", gate, inner}, {"up", up, inner}}, fused.transposed);
    const int down = add_expert_linears(made, prefix + "down_proj", bias("down_proj"),
                                        model.experts, model.hidden_size, inner,
                                        {{"", {}, model.hidden_size}}, fused.transposed);
    for (int e = 0; e < static_cast<int>(model.experts); ++e) {
        MlpLayer mlp;
        mlp.gate = first + 2 * e;
        mlp.up = mlp.gate + 1;
        mlp.down = down + e;
        mlp.activation = model.activation;
        layer.experts.push_back(std::move(mlp));
    }
}

ExpertsLayer add_experts(BlockDescription& made, const ModelConfiguration& model,
                         const ExpertNames& names) {
    const bool separate = model.expert_storage == ExpertStorage::separate;
    ExpertsLayer layer;
    layer.router = add_dense_linear(made, separate ? names.router : kFusedRouter, model.experts,
                                    model.hidden_size, false);
    layer.routing.chosen = model.experts_per_token;
    layer.routing.renormalize = model.renormalize_experts;
    if (separate) {
        add_separate_experts(made, model, names, layer);
    } else {
        FusedExperts fused;
        fused.transposed = model.expert_storage == ExpertStorage::fused_transposed;
        add_fused_experts(made, model, fused, layer);
    }
    return layer;
}

void read_expert_fields(ConfigFields& fields, ModelConfiguration& model,
                        const ModelConfiguration& usual) {
    model.experts = fields.size({"num_experts", "num_local_experts"}).value_or(usual.experts);
    model.experts_per_token =
        fields.size({"num_experts_per_tok"}).value_or(usual.experts_per_token);
    model.expert_size = fields.size({"moe_intermediate_size"}).value_or(usual.expert_size);
    model.renormalize_experts = fields.flag({"norm_topk_prob"}).value_or(usual.renormalize_experts);
    if (model.experts_per_token > model.experts) {
        fields.reject("num_experts_per_tok", fmt::format("at most num_experts ({})", model.experts),
                      std::to_string(model.experts_per_token));
    }
    if (const auto scores = fields.text({"scoring_func"}); scores && *scores != "softmax") {
        fields.reject("scoring_func", "softmax", *scores);
    }
    const std::int64_t step = fields.size({"decoder_sparse_step"}).value_or(1);
    const std::vector<double> listed = fields.numbers({"mlp_only_layers"});
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        if ((block + 1) % step != 0 ||
            std::ranges::find(listed, static_cast<double>(block)) != listed.end()) {
            model.dense_blocks.push_back(block);
        }
    }
}

}  // namespace alphaprune::model::families
