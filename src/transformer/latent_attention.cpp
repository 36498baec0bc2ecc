#include "latent_attention.hpp"

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

LatentAttentionPass::LatentAttentionPass(BlockMath& math, const model::BlockDescription& block,
                                         const model::LatentAttentionLayer& attention,
                                         std::span<const float> input, ScratchCutter scratch)
    : math_(math),
      block_(block),
      attention_(attention),
      input_(input),
      tokens_(static_cast<std::int64_t>(input.size()) / layer(attention.key_value_down).cols) {
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
    math_.multiply({layer(attention_.query_down), input_, query_latent_});
    math_.norm(*attention_.query_norm, query_latent_, query_latent_);
    return query_latent_;
}

std::span<const float> LatentAttentionPass::key_value_latent() {
    math_.multiply({layer(attention_.key_value_down), input_, down_});
    split_down();
    math_.norm(attention_.key_value_norm, latent_, latent_);
    return latent_;
}

/// Of each token the latent vector, and what becomes the rotated values of all heads.
void LatentAttentionPass::split_down() {
    const std::int64_t wide = layer(attention_.key_value_down).rows;
    const std::int64_t rotated = attention_.rotary.size;
    const std::int64_t latent = wide - rotated;
    math_.copy_columns({down_, wide, 0, latent_, latent, 0, latent});
    math_.copy_columns({down_, wide, latent, shared_, rotated, 0, rotated});
}

std::span<const float> LatentAttentionPass::attended() {
    const model::AttentionShape& shape = attention_.shape;
    const Product products[]{
        {layer(attention_.query_up),
         attention_.query_down < 0 ? input_ : std::span<const float>(query_latent_), query_},
        {layer(attention_.key_value_up), latent_, up_}};
    math_.multiply(products);
    const model::RotaryLayer& rotary = attention_.rotary;
    math_.rotate(rotary, {query_, tokens_, shape.heads, shape.head_size - rotary.size});
    math_.rotate(rotary, {shared_, tokens_, 1, 0});
    expand_keys_and_values();
    math_.attend({shape, tokens_, query_, key_, value_, result_});
    return result_;
}

/// A head's key: its own values and then the rotated ones, which all heads share.
void LatentAttentionPass::expand_keys_and_values() {
    const model::AttentionShape& shape = attention_.shape;
    const std::int64_t rotated = attention_.rotary.size;
    const std::int64_t own = shape.head_size - rotated;
    const std::int64_t up = own + shape.value_size;
    math_.copy_columns({up_, up, 0, key_, shape.head_size, 0, own});
    math_.copy_columns({shared_, rotated, 0, key_, shape.head_size, own, rotated, shape.heads});
    math_.copy_columns({up_, up, own, value_, shape.value_size, 0, shape.value_size});
}

}  // namespace alphaprune::transformer
