#include "block_pass.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/support/stop.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

/// The mlp works on so many tokens at a time, to find its values still in the cache.
constexpr std::int64_t kTokenTile = 256;

std::int64_t tile_of(std::int64_t tokens) {
    return std::min(tokens, kTokenTile);
}

}  // namespace

std::int64_t block_scratch(const ForwardPlan& plan, std::int64_t tokens) {
    const model::ModelConfiguration& model = plan.configuration();
    const std::int64_t queries = whole_lines(tokens * model.heads * model.head_size);
    const std::int64_t keys = whole_lines(tokens * model.key_value_heads * model.head_size);
    const std::int64_t attention = 2 * queries + 2 * keys + attention_scratch();
    const std::int64_t mlp = whole_lines(tokens * model.intermediate_size) +
                             whole_lines(tile_of(tokens) * model.intermediate_size);
    return whole_lines(tokens * model.hidden_size) + std::max(attention, mlp);
}

BlockPass::BlockPass(const ForwardPlan& plan, int block, const SharedWeights& weights,
                     std::int64_t tokens, std::span<float> scratch, const InputObserver& observe)
    : plan_(plan),
      block_(plan.blocks[static_cast<std::size_t>(block)]),
      attention_(attention_of(plan, block)),
      weights_(weights),
      tokens_(tokens),
      observe_(observe) {
    const auto size = static_cast<std::size_t>(tokens * plan.configuration().hidden_size);
    normed_ = scratch.first(size);
    rest_ = scratch.subspan(static_cast<std::size_t>(whole_lines(static_cast<std::int64_t>(size))));
}

void BlockPass::run(std::span<float> hidden) {
    attend_and_add(hidden);
    mlp_and_add(hidden);
}

void BlockPass::attend_and_add(std::span<float> hidden) {
    ScratchCutter scratch(rest_);
    const auto query = scratch.cut(tokens_ * block_.query.rows);
    const auto key = scratch.cut(tokens_ * block_.key.rows);
    const auto value = scratch.cut(tokens_ * block_.value.rows);
    const auto attended = scratch.cut(tokens_ * block_.query.rows);

    const auto input = normed(block_.attention_norm, hidden);
    tell({&block_.query, &block_.key, &block_.value}, input);
    project(block_.query, input, query);
    project(block_.key, input, key);
    project(block_.value, input, value);
    if (plan_.family->positions == Positions::rotary) {
        plan_.rotary.apply(query, tokens_, attention_.heads);
        plan_.rotary.apply(key, tokens_, attention_.key_value_heads);
    }
    attend(attention_, {query, key, value, attended}, tokens_, scratch.cut(attention_scratch()));

    tell({&block_.attention_out}, attended);
    project(block_.attention_out, attended, hidden, true);
    norm_after(block_.attention_norm, hidden);
}

void BlockPass::mlp_and_add(std::span<float> hidden) {
    ScratchCutter scratch(rest_);
    const auto inner = scratch.cut(tokens_ * block_.up.rows);
    const auto tile = scratch.cut(tile_of(tokens_) * block_.up.rows);

    const auto input = normed(block_.mlp_norm, hidden);
    if (block_.gate) {
        tell({&*block_.gate, &block_.up}, input);
    } else {
        tell({&block_.up}, input);
    }
    fill_inner(input, inner, tile);

    tell({&block_.down}, inner);
    project(block_.down, inner, hidden, true);
    norm_after(block_.mlp_norm, hidden);
}

void BlockPass::fill_inner(std::span<const float> input, std::span<float> inner,
                           std::span<float> tile) const {
    const auto narrow = static_cast<std::size_t>(block_.up.cols);
    const auto wide = static_cast<std::size_t>(block_.up.rows);
    for (std::int64_t begin = 0; begin < tokens_; begin += kTokenTile) {
        const auto first = static_cast<std::size_t>(begin);
        const auto count = static_cast<std::size_t>(std::min(kTokenTile, tokens_ - begin));
        const auto in = input.subspan(first * narrow, count * narrow);
        const auto out = inner.subspan(first * wide, count * wide);
        project(block_.gate ? *block_.gate : block_.up, in, out);
        plan_.activation(out);
        if (block_.gate) {
            const auto up = tile.first(count * wide);
            project(block_.up, in, up);
            multiply(out, up);
        }
    }
}

std::span<const float> BlockPass::normed(const Norm& norm, std::span<const float> hidden) {
    if (!plan_.configuration().norm_before) {
        return hidden;
    }
    run_norm(plan_, norm, weights_, hidden, normed_);
    return normed_;
}

void BlockPass::norm_after(const Norm& norm, std::span<float> hidden) {
    if (!plan_.configuration().norm_before) {
        run_norm(plan_, norm, weights_, hidden, hidden);
    }
}

void BlockPass::project(const Projection& projection, std::span<const float> input,
                        std::span<float> out, bool add_to_it) const {
    support::check_stop();
    const std::int64_t rows = projection.rows;
    const std::int64_t cols = projection.cols;
    const std::int64_t tokens = static_cast<std::int64_t>(input.size()) / cols;
    assert(out.size() == static_cast<std::size_t>(tokens * rows));
    linalg::sgemm(1, {input.data(), tokens, cols, cols},
                  {weights_.values(projection.weight).data(), rows, cols, cols},
                  linalg::Transpose::yes, add_to_it ? 1.0F : 0.0F,
                  {out.data(), tokens, rows, rows});
    if (projection.bias >= 0) {
        const auto bias = weights_.values(projection.bias);
        for (std::size_t at = 0; at < out.size(); at += bias.size()) {
            add(out.subspan(at, bias.size()), bias);
        }
    }
}

void BlockPass::tell(std::initializer_list<const Projection*> projections,
                     std::span<const float> input) const {
    if (!observe_) {
        return;
    }
    std::vector<int> matrices;
    for (const Projection* projection : projections) {
        if (projection->matrix >= 0) {
            matrices.push_back(projection->matrix);
        }
    }
    std::ranges::sort(matrices);
    observe_(matrices, input, tokens_);
}

}  // namespace alphaprune::transformer
