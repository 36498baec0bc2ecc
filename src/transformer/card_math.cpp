#include "card_math.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <tuple>

#include "alibi.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

card::Activation card_activation(const model::MlpLayer& mlp) {
    if (mlp.clamped) {
        return card::Activation::clamped_gate;
    }
    const Activation named = activation_named(mlp.activation);
    const std::pair<Activation, card::Activation> known[]{
        {silu, card::Activation::silu},
        {relu, card::Activation::relu},
        {gelu, card::Activation::gelu},
        {gelu_tanh, card::Activation::gelu_tanh},
        {quick_gelu, card::Activation::quick_gelu}};
    const auto found = std::ranges::find(known, named, [](const auto& one) { return one.first; });
    assert(found != std::end(known));
    return found->second;
}

std::int64_t size_of(std::span<const float> values) {
    return static_cast<std::int64_t>(values.size());
}

}  // namespace

void CardTables::reach(std::int64_t tokens) {
    if (tokens == tokens_) {
        return;
    }
    tokens_ = tokens;
    host_.reach(tokens);
    rotary_.clear();
    alibi_.clear();
}

CardTables::Rotary CardTables::rotary(const model::RotaryLayer& layer) {
    const RotaryTable& table = host_.of(layer);
    const auto place =
        static_cast<std::size_t>(std::ranges::find(rotations_, layer) - rotations_.begin());
    const auto [found, is_new] =
        rotary_.try_emplace(place, std::piecewise_construct, std::forward_as_tuple(lane_),
                            std::forward_as_tuple(lane_));
    auto& [cos, sin] = found->second;
    if (is_new) {
        cos.filled(table.cosines());
        sin.filled(table.sines());
    }
    const std::int64_t values = size_of(table.cosines());
    return {cos.at_least(values), sin.at_least(values), &table};
}

std::span<const float> CardTables::alibi(std::int64_t heads) {
    const auto [found, is_new] = alibi_.try_emplace(heads, lane_);
    if (is_new) {
        std::vector<float> biases(static_cast<std::size_t>(heads * tokens_));
        for (std::int64_t head = 0; head < heads; ++head) {
            alibi_biases(alibi_slope(head, heads), {0, tokens_},
                         std::span(biases).subspan(static_cast<std::size_t>(head * tokens_),
                                                   static_cast<std::size_t>(tokens_)));
        }
        found->second.filled(std::span<const float>(biases));
    }
    return found->second.at_least(heads * tokens_);
}

void CardMath::norm(const model::NormLayer& norm, std::span<const float> values,
                    std::span<float> out) {
    const bool goes_into_products = values.data() != out.data();  // not that of heads
    lane_.norm({.values = values.data(),
                .out = out.data(),
                .rows = size_of(values) / norm.width,
                .width = norm.width,
                .epsilon = norm.epsilon,
                .centered = norm.kind == model::NormKind::layer,
                .weights = weights_.floats(norm.weight),
                .biases = weights_.floats(norm.bias),
                .unit_offset = norm.unit_offset,
                .intent = goes_into_products ? intent() : card::Intent{}});
}

card::Intent CardMath::intent() const {
    for (const model::LinearLayer& layer : block_.layers) {
        if (layer.prunable) {
            const CardWeights::Place weights = weights_.weights_of(layer);
            return {weights.type, precision_, weights.doubled != nullptr};
        }
    }
    return {};
}

card::Product CardMath::product(const Product& work) const {
    const CardWeights::Place weights = weights_.weights_of(work.layer);
    return {.input = work.input.data(),
            .tokens = size_of(work.input) / work.layer.cols,
            .cols = work.layer.cols,
            .weights = weights.values,
            .type = weights.type,
            .doubled = weights.doubled,
            .rows = work.layer.rows,
            .bias = weights_.bias_of(work.layer),
            .out = work.out.data(),
            .add_to_it = work.add_to_it};
}

void CardMath::multiply_all(std::span<const card::Product> products,
                            std::span<const model::LinearLayer* const> layers) {
    std::vector<card::Product> dense;
    std::vector<card::Product> others;
    for (std::size_t i = 0; i < products.size(); ++i) {
        (layers[i]->prunable ? others : dense).push_back(products[i]);
    }
    if (!others.empty()) {
        lane_.multiply(others, precision_);
    }
    if (!dense.empty()) {
        lane_.multiply(dense, linalg::ForwardPrecision::float32);
    }
}

void CardMath::multiply(std::span<const Product> products) {
    std::vector<card::Product> works;
    std::vector<const model::LinearLayer*> layers;
    for (const Product& one : products) {
        works.push_back(product(one));
        layers.push_back(&one.layer);
    }
    multiply_all(works, layers);
}

void CardMath::run_mlps(std::span<const MlpWork> works) {
    std::int64_t gated = 0;
    for (const MlpWork& work : works) {
        gated += work.mlp.gate >= 0 ? size_of(work.inner) : 0;
    }
    std::span<float> rest = scratch_.up.at_least(gated);
    std::vector<Product> products;
    std::vector<card::Gate> gates;
    for (const MlpWork& work : works) {
        card::Gate gate{.gate = work.inner.data(),
                        .count = size_of(work.inner),
                        .activation = card_activation(work.mlp)};
        if (work.mlp.gate >= 0) {
            const auto up = rest.first(work.inner.size());
            rest = rest.subspan(work.inner.size());
            products.push_back({layer(work.mlp.gate), work.input, work.inner});
            products.push_back({layer(work.mlp.up), work.input, up});
            gate.up = up.data();
        } else {
            products.push_back({layer(work.mlp.up), work.input, work.inner});
        }
        gate.intent = intent();
        if (work.mlp.clamped) {
            gate.limit = static_cast<float>(work.mlp.clamped->limit);
            gate.steepness = static_cast<float>(work.mlp.clamped->steepness);
        }
        gates.push_back(gate);
    }
    multiply(products);
    for (const card::Gate& gate : gates) {
        lane_.gate(gate);
    }
}

void CardMath::rotate(const model::RotaryLayer& rotary, const Heads& heads) {
    const CardTables::Rotary tables = tables_.rotary(rotary);
    lane_.rotate({.values = heads.values.data(),
                  .tokens = heads.tokens,
                  .heads = heads.heads,
                  .head_size = size_of(heads.values) / (heads.tokens * heads.heads),
                  .first = heads.first,
                  .pairs = tables.table->pairs(),
                  .interleaved = tables.table->is_interleaved(),
                  .cos = tables.cos.data(),
                  .sin = tables.sin.data()});
}

void CardMath::attend(const AttentionWork& work) {
    const model::AttentionShape& shape = work.shape;
    const double scale =
        shape.scale > 0 ? shape.scale : 1.0 / std::sqrt(static_cast<double>(shape.head_size));
    lane_.attend({.query = work.query.data(),
                  .key = work.key.data(),
                  .value = work.value.data(),
                  .out = work.out.data(),
                  .tokens = work.tokens,
                  .heads = shape.heads,
                  .key_value_heads = shape.key_value_heads,
                  .head_size = shape.head_size,
                  .value_size = shape.value_size > 0 ? shape.value_size : shape.head_size,
                  .scale = static_cast<float>(scale),
                  .softcap = static_cast<float>(shape.softcap),
                  .window = shape.window.value_or(0),
                  .biases = shape.alibi ? tables_.alibi(shape.heads).data() : nullptr,
                  .sinks = weights_.floats(work.sinks)},
                 precision_);
}

void CardMath::copy(std::span<const float> from, std::span<float> to) {
    lane_.copy(to.data(), from.data(), from.size_bytes());
}

void CardMath::copy_columns(const ColumnCopy& work) {
    lane_.copy_rows({.from = work.from.data() + work.from_first,
                     .from_stride = work.from_width,
                     .repeat = work.repeat,
                     .to = work.to.data() + work.to_first,
                     .to_stride = work.to_width,
                     .rows = size_of(work.to) / work.to_width,
                     .width = work.columns});
}

void CardMath::clear(std::span<float> values) {
    lane_.clear(values.data(), values.size_bytes());
}

void CardMath::add(std::span<float> sum, std::span<float> added, double factor) {
    lane_.add({sum.data(), added.data(), size_of(sum), static_cast<float>(factor)});
}

std::vector<RoutedTokens> CardMath::route(const model::ExpertsLayer& experts, std::int64_t count,
                                          std::span<const float> logits) {
    std::vector<float> on_host(logits.size());
    lane_.download(std::as_writable_bytes(std::span(on_host)), logits.data());
    return transformer::route(experts.routing, count, on_host,
                              weights_.on_host(experts.routing.choice_bias));
}

void CardMath::gather(std::span<const float> from, std::int64_t width,
                      std::span<const TokenRows> to) {
    for (const TokenRows& some : to) {
        if (!some.tokens.empty()) {
            lane_.gather({from.data(), scratch_.indices.filled(some.tokens).data(),
                          some.rows.data(), std::ssize(some.tokens), width});
        }
    }
}

void CardMath::add_experts(std::span<const ExpertOutput> experts, std::int64_t width,
                           std::span<float> sum) {
    for (const ExpertOutput& expert : experts) {
        const RoutedTokens& routed = expert.routed;
        if (routed.tokens.empty()) {
            continue;
        }
        const auto indices = scratch_.indices.filled(std::span<const std::int32_t>(routed.tokens));
        const auto factors = scratch_.factors.filled(std::span<const float>(routed.weights));
        lane_.scatter({.sum = sum.data(),
                       .indices = indices.data(),
                       .factors = factors.data(),
                       .values = expert.rows.data(),
                       .rows = std::ssize(routed.tokens),
                       .width = width});
    }
}

void CardMath::add_gated(std::span<float> sum, std::span<float> values, std::int64_t width,
                         std::span<const float> gates) {
    lane_.scatter({.sum = sum.data(),
                   .factors = gates.empty() ? nullptr : gates.data(),
                   .as_gates = !gates.empty(),
                   .values = values.data(),
                   .rows = size_of(sum) / width,
                   .width = width});
}

}  // namespace alphaprune::transformer
