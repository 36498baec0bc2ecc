#include "latent_attention.hpp"

#include <algorithm>

#include "attention.hpp"

namespace alphaprune::transformer {
namespace {

/// How many values per token the parts of the computation have.
struct LatentSizes {
    std::int64_t query_latent;
    std::int64_t down;
    std::int64_t latent;
    std::int64_t rotated;
    std::int64_t up;
    std::int64_t query;  ///< and key
    std::int64_t value;  ///< and result
};

LatentSizes sizes_of(const model::BlockDescription& block,
                     const model::LatentAttentionLayer& attention) {
    const auto layer = [&](int index) -> const model::LinearLayer& {
        return block.layers[static_cast<std::size_t>(index)];
    };
    const std::int64_t rotated = attention.rotary.size;
    const std::int64_t down = layer(attention.key_value_down).rows;
    return {attention.query_down < 0 ? 0 : layer(attention.query_down).rows,
            down,
            down - rotated,
            rotated,
            layer(attention.key_value_up).rows,
            layer(attention.query_up).rows,
            layer(attention.output).cols};
}

}  // namespace

std::int64_t LatentAttentionPass::scratch(const model::BlockDescription& block,
                                          const model::LatentAttentionLayer& attention,
                                          std::int64_t tokens) {
    const LatentSizes of = sizes_of(block, attention);
    std::int64_t values = 0;
    for (const std::int64_t size : {of.query_latent, of.down, of.latent, of.rotated, of.up,
                                    of.query, of.query, of.value, of.value}) {
        values += whole_lines(tokens * size);
    }
    return values;
}

LatentAttentionPass::LatentAttentionPass(const LayerWeights& weights,
                                         const model::BlockDescription& block,
                                         const model::LatentAttentionLayer& attention,
                                         const RotaryTables& rotary, std::span<const float> input,
                                         ScratchCutter scratch, const ThreadScratch& of_threads)
    : weights_(weights),
      block_(block),
      attention_(attention),
      rotary_(rotary.of(attention.rotary)),
      input_(input),
      tokens_(static_cast<std::int64_t>(input.size()) / layer(attention.key_value_down).cols),
      of_threads_(of_threads) {
    const LatentSizes of = sizes_of(block, attention);
    query_latent_ = scratch.cut(tokens_ * of.query_latent);
    down_ = scratch.cut(tokens_ * of.down);
    latent_ = scratch.cut(tokens_ * of.latent);
    shared_ = scratch.cut(tokens_ * of.rotated);
    up_ = scratch.cut(tokens_ * of.up);
    query_ = scratch.cut(tokens_ * of.query);
    key_ = scratch.cut(tokens_ * of.query);
    value_ = scratch.cut(tokens_ * of.value);
    result_ = scratch.cut(tokens_ * of.value);
}

std::span<const float> LatentAttentionPass::query_latent() {
    if (attention_.query_down < 0) {
        return input_;
    }
    weights_.run({layer(attention_.query_down), input_, query_latent_});
    weights_.run(*attention_.query_norm, query_latent_, query_latent_);
    return query_latent_;
}

std::span<const float> LatentAttentionPass::key_value_latent() {
    weights_.run({layer(attention_.key_value_down), input_, down_});
    weights_.team().share_slices(tokens_, kTokenSlice, [&](parallel::RowRange tokens) {
        split_down(tokens);
        const std::int64_t width = attention_.key_value_norm.width;
        const auto latent = rows_of(latent_, width, tokens);
        weights_.apply(attention_.key_value_norm, latent, latent);
    });
    return latent_;
}

/// Of each token the latent vector, and what becomes the rotated values of all heads.
void LatentAttentionPass::split_down(parallel::RowRange tokens) {
    const std::int64_t wide = layer(attention_.key_value_down).rows;
    const std::int64_t rotated = attention_.rotary.size;
    const auto latent = static_cast<std::size_t>(wide - rotated);
    for (std::int64_t token = tokens.begin; token < tokens.end; ++token) {
        const parallel::RowRange one{token, token + 1};
        const auto row = rows_of(down_, wide, one);
        std::ranges::copy(row.first(latent), rows_of(latent_, wide - rotated, one).begin());
        std::ranges::copy(row.subspan(latent), rows_of(shared_, rotated, one).begin());
    }
}

std::span<const float> LatentAttentionPass::attended() {
    const model::AttentionShape& shape = attention_.shape;
    const Product products[]{
        {layer(attention_.query_up),
         attention_.query_down < 0 ? input_ : std::span<const float>(query_latent_), query_},
        {layer(attention_.key_value_up), latent_, up_}};
    weights_.run(products);
    weights_.team().share_slices(tokens_, kTokenSlice, [&](parallel::RowRange tokens) {
        rotary_.apply(rows_of(query_, shape.heads * shape.head_size, tokens), tokens, shape.heads,
                      shape.head_size - attention_.rotary.size);
        rotary_.apply(rows_of(shared_, attention_.rotary.size, tokens), tokens, 1);
        expand_keys_and_values(tokens);
    });
    attend(weights_.team(), shape, {query_, key_, value_, result_}, tokens_, of_threads_);
    return result_;
}

/// A head's key: its own values and then the rotated ones, which all heads share.
void LatentAttentionPass::expand_keys_and_values(parallel::RowRange tokens) {
    const auto heads = static_cast<std::size_t>(attention_.shape.heads);
    const auto rotated = static_cast<std::size_t>(attention_.rotary.size);
    const auto key = static_cast<std::size_t>(attention_.shape.head_size);
    const auto value = static_cast<std::size_t>(attention_.shape.value_size);
    const std::size_t own = key - rotated;
    const std::size_t end = static_cast<std::size_t>(tokens.end) * heads;
    for (std::size_t head = static_cast<std::size_t>(tokens.begin) * heads; head < end; ++head) {
        const auto from = up_.subspan(head * (own + value), own + value);
        const auto to = key_.subspan(head * key, key);
        std::ranges::copy(from.first(own), to.begin());
        std::ranges::copy(shared_.subspan(head / heads * rotated, rotated),
                          to.subspan(own).begin());
        std::ranges::copy(from.subspan(own), value_.subspan(head * value).begin());
    }
}

}  // namespace alphaprune::transformer
