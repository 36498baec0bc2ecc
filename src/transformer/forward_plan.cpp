#include "alphaprune/transformer/forward_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <string>

#include "alphaprune/support/message.hpp"
#include "attention.hpp"
#include "block_parts.hpp"
#include "card_weights.hpp"
#include "cpu_math.hpp"
#include "find_forward_tensors.hpp"
#include "product_tiles.hpp"
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
    "transformer.odd-head-size",
    "{} values of a head are rotated: rotary position embeddings need an even number",
    "a value is rotated together with another one",
    "check head_dim, or hidden_size and num_attention_heads, and partial_rotary_factor"};
const support::BadRequest<std::size_t, std::int64_t> kRotaryFactors{
    "transformer.rotary-factors",
    "short_factor or long_factor of the rotary position embedding has {} values instead of {}, one "
    "for each pair of rotated values",
    "config.json was edited, or belongs to another model",
    "use the config.json that was saved together with the weights"};

void check_rotary(const model::RotaryLayer& rotary, const std::string& where,
                  support::FaultList& faults) {
    if (!is_known_rotary(rotary.rope.type)) {
        faults.add(kUnknownRotary(where, rotary.rope.type, rotary_types()));
    } else if (rotary.rope.type == "longrope") {
        for (const auto* factors : {&rotary.rope.short_factor, &rotary.rope.long_factor}) {
            if (std::ssize(*factors) != rotary.size / 2) {
                faults.add(kRotaryFactors(where, factors->size(), rotary.size / 2));
            }
        }
    }
    if (rotary.size % 2 != 0) {
        faults.add(kOddHeadSize(where, rotary.size));
    }
}

void check_features(const ForwardPlan& plan, const std::string& where, support::FaultList& faults) {
    std::set<std::string> unknown;
    for (const BlockPlan& block : plan.blocks) {
        for (const model::Sublayer& sublayer : block.description.sublayers) {
            const auto* mlp = std::get_if<model::MlpLayer>(&sublayer.body);
            if (const auto* experts = std::get_if<model::ExpertsLayer>(&sublayer.body)) {
                mlp = &experts->experts.front();  // all have the same
            }
            if (mlp != nullptr && activation_named(mlp->activation) == nullptr) {
                unknown.insert(mlp->activation);
            }
        }
    }
    for (const std::string& name : unknown) {
        faults.add(kUnknownActivation(where, name, activation_names()));
    }
    for (const model::RotaryLayer& rotary : rotations(plan.blocks)) {
        check_rotary(rotary, where, faults);
    }
}

/// Of a token, on the average.
double share_of_expert(const model::ExpertsLayer& experts) {
    return static_cast<double>(experts.routing.chosen) /
           static_cast<double>(experts.experts.size());
}

using Part = SitePlace::Part;

std::vector<int> layers_of_latent(const model::LatentAttentionLayer& latent, Part part) {
    switch (part) {
        case Part::first:
            return {latent.query_down < 0 ? latent.query_up : latent.query_down,
                    latent.key_value_down};
        case Part::query_latent:
            return {latent.query_up};
        case Part::key_value_latent:
            return {latent.key_value_up};
        case Part::last:
            break;
    }
    return {latent.output};
}

/// Of queries with keys and of scores with values, per pair of tokens.
double pair_flops(const model::AttentionShape& shape) {
    const std::int64_t value = shape.value_size > 0 ? shape.value_size : shape.head_size;
    return 2.0 * static_cast<double>(shape.heads * (shape.head_size + value));
}

/// Over its part of a product's tiles: what the worker does who has most, times their number.
double waste_of_tiles(std::int64_t tokens, std::int64_t outputs, int workers) {
    const std::int64_t tiles = std::max<std::int64_t>(ProductTiles(tokens, outputs).count(), 1);
    const std::int64_t most = (tiles + workers - 1) / workers;
    return static_cast<double>(most * workers) / static_cast<double>(tiles);
}

/// The sublayers from it on wait for each other's outputs, up to the end of the block.
std::size_t begin_of_last_group(const model::BlockDescription& block) {
    std::size_t sublayer = block.sublayers.size() - 1;
    while (block.sublayers[sublayer].parallel) {
        --sublayer;
    }
    return sublayer;
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
    const model::Family* const family = model::family_of(model);
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

std::vector<SitePlace> site_places(const model::BlockDescription& block) {
    std::vector<SitePlace> places;
    const auto add = [&](std::size_t sublayer, int expert) {
        places.push_back({sublayer, Part::first, expert});
        const auto* latent =
            std::get_if<model::LatentAttentionLayer>(&block.sublayers[sublayer].body);
        if (latent != nullptr && latent->query_down >= 0) {
            places.push_back({sublayer, Part::query_latent, -1});
        }
        if (latent != nullptr) {
            places.push_back({sublayer, Part::key_value_latent, -1});
        }
        places.push_back({sublayer, Part::last, expert});
    };
    for (std::size_t s = 0; s < block.sublayers.size(); ++s) {
        const auto* experts = std::get_if<model::ExpertsLayer>(&block.sublayers[s].body);
        for (int e = 0; experts != nullptr && e < static_cast<int>(experts->experts.size()); ++e) {
            add(s, e);
        }
        if (experts == nullptr || experts->shared) {
            add(s, -1);
        }
    }
    return places;
}

std::vector<int> layers_of_site(const model::BlockDescription& block, const SitePlace& place) {
    const auto& body = block.sublayers[place.sublayer].body;
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        return place.part == Part::first
                   ? std::vector{attention->query, attention->key, attention->value}
                   : std::vector{attention->output};
    }
    if (const auto* latent = std::get_if<model::LatentAttentionLayer>(&body)) {
        return layers_of_latent(*latent, place.part);
    }
    const model::MlpLayer& mlp = mlp_of(block.sublayers[place.sublayer], place.expert);
    if (place.part == Part::last) {
        return {mlp.down};
    }
    return mlp.gate < 0 ? std::vector{mlp.up} : std::vector{mlp.gate, mlp.up};
}

std::vector<InputSite> input_sites(const ForwardPlan& plan, int block) {
    const BlockPlan& of = plan.block(block);
    std::vector<InputSite> sites;
    for (const SitePlace& place : of.sites) {
        InputSite site;
        for (const int layer : layers_of_site(of.description, place)) {
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
        const model::Sublayer& sublayer = of.description.sublayers[place.sublayer];
        const auto* experts = std::get_if<model::ExpertsLayer>(&sublayer.body);
        // What an expert computes is weighed by the router first.
        const bool weighed = experts != nullptr && (place.expert >= 0 || experts->shared_gate >= 0);
        const bool writes = place.part == Part::last && !sublayer.norm_output && !weighed;
        site.residual_rows = writes ? plan.hidden_size() : 0;
        site.multiplier = sublayer.multiplier;
        site.token_share = place.expert < 0 ? 1.0 : share_of_expert(*experts);
        sites.push_back(std::move(site));
    }
    return sites;
}

double block_flops(const ForwardPlan& plan, int block, std::int64_t tokens) {
    const SharedFlops flops = shared_flops(plan, block, tokens, 1);
    return flops.products + flops.attention;
}

SharedFlops shared_flops(const ForwardPlan& plan, int block, std::int64_t tokens, int workers) {
    const model::BlockDescription& description = plan.block(block).description;
    const std::size_t last_group = begin_of_last_group(description);
    SharedFlops flops;
    for (const SitePlace& place : site_places(description)) {
        const model::Sublayer& sublayer = description.sublayers[place.sublayer];
        const auto* experts = std::get_if<model::ExpertsLayer>(&sublayer.body);
        const double own =
            static_cast<double>(tokens) * (place.expert < 0 ? 1.0 : share_of_expert(*experts));
        const std::vector<int> layers = layers_of_site(description, place);
        flops.values +=
            own *
            static_cast<double>(description.layers[static_cast<std::size_t>(layers.front())].cols);
        for (const int index : layers) {
            const model::LinearLayer& layer = description.layers[static_cast<std::size_t>(index)];
            flops.values += own * static_cast<double>(layer.rows);
            const double products =
                2 * own * static_cast<double>(layer.rows * layer.cols) *
                waste_of_tiles(static_cast<std::int64_t>(std::ceil(own)), layer.rows, workers);
            flops.products += products;
            const bool is_output = place.part == Part::last && place.sublayer >= last_group;
            flops.unobserved += is_output ? products : 0;
        }
    }
    for (const model::Sublayer& sublayer : description.sublayers) {
        if (const model::AttentionShape* shape = attention_shape_of(sublayer.body)) {
            flops.attention += pair_flops(*shape) * attended_pairs(tokens, shape->window);
        }
    }
    return flops;
}

std::uint64_t block_weight_bytes(const ForwardPlan& plan, int block) {
    return SharedWeights::bytes_for(*plan.catalogue, in_float32(plan.block(block).tensors));
}

std::uint64_t block_weight_bytes_beside_cards(const ForwardPlan& plan, int block) {
    const BlockPlan& one = plan.block(block);
    return SharedWeights::bytes_for(
        *plan.catalogue,
        held_for_card(*plan.catalogue, one.tensors, one.layouts, one.description.layers));
}

bool is_doubled_on_card(support::ScalarType type, int expert, std::int64_t inputs,
                        linalg::ForwardPrecision precision) {
    constexpr std::int64_t kMostInputs = 8192;
    return precision == linalg::ForwardPrecision::bf16x2 && type == support::ScalarType::bfloat16 &&
           expert < 0 && inputs <= kMostInputs && inputs % 4 == 0;
}

std::int64_t kept_values(const ForwardPlan& plan, int block) {
    return kept_width(plan.block(block).description);
}

std::uint64_t thread_scratch_bytes() {
    return static_cast<std::uint64_t>(CpuMath::thread_scratch()) * sizeof(float);
}

std::uint64_t scratch_bytes(const ForwardPlan& plan, std::int64_t tokens) {
    std::int64_t values = 0;
    for (const BlockPlan& block : plan.blocks) {
        values = std::max(values, block_scratch(block.description, plan.hidden_size(), tokens));
    }
    std::int64_t angles = 0;
    for (const model::RotaryLayer& rotary : rotations(plan.blocks)) {
        angles += rotary.size;
    }
    return static_cast<std::uint64_t>(values + tokens * angles) * sizeof(float);
}

}  // namespace alphaprune::transformer
