#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Part of a product of tokens with a layer.
struct ProductTile {
    parallel::RowRange tokens;
    parallel::RowRange outputs;
};

/// A product of tokens with a layer in pieces, each of which one thread computes by one call of
/// BLAS, so that its bits do not depend on who shares the work: how large they are follows from the
/// product alone. Each packs its inputs anew, which takes some hundredths of the time at this size;
/// of narrow layers, which have few pieces, there are more of fewer tokens.
class ProductTiles {
  public:
    static constexpr std::int64_t kTokens = 512;
    static constexpr std::int64_t kOutputs = 512;

    ProductTiles(std::int64_t tokens, std::int64_t outputs)
        : tokens_(tokens),
          outputs_(outputs),
          high_(outputs < 4 * kOutputs ? kTokens / 4 : kTokens),
          down_((tokens + high_ - 1) / high_),
          across_((outputs + kOutputs - 1) / kOutputs) {}

    std::int64_t count() const { return down_ * across_; }
    /// Neighbors have the same outputs, whose weights they read.
    ProductTile operator[](std::int64_t tile) const {
        const std::int64_t token = tile % down_ * high_;
        const std::int64_t output = tile / down_ * kOutputs;
        return {{token, std::min(token + high_, tokens_)},
                {output, std::min(output + kOutputs, outputs_)}};
    }

  private:
    std::int64_t tokens_;
    std::int64_t outputs_;
    std::int64_t high_;
    std::int64_t down_;
    std::int64_t across_;
};

/// The tiles of several products, one after another.
class TilesOfProducts {
  public:
    struct Place {
        std::size_t product;
        ProductTile tile;
    };

    void add(std::int64_t tokens, std::int64_t outputs) {
        products_.emplace_back(tokens, outputs);
        count_ += products_.back().count();
    }
    std::int64_t count() const { return count_; }
    Place operator[](std::int64_t item) const {
        std::size_t product = 0;
        while (item >= products_[product].count()) {
            item -= products_[product++].count();
        }
        return {product, products_[product][item]};
    }

  private:
    std::vector<ProductTiles> products_;
    std::int64_t count_ = 0;
};

/// That part of a tokens × width matrix.
template <class Real>
linalg::RowMajorView<Real> tile_of(std::span<Real> values, std::int64_t width,
                                   const ProductTile& tile) {
    return {values.data() + tile.tokens.begin * width + tile.outputs.begin, tile.tokens.size(),
            tile.outputs.size(), width};
}

/// Rows of a tokens × width matrix.
template <class Real>
std::span<Real> rows_of(std::span<Real> values, std::int64_t width, parallel::RowRange tokens) {
    return values.subspan(static_cast<std::size_t>(tokens.begin * width),
                          static_cast<std::size_t>(tokens.size() * width));
}

/// A row of a view.
template <class Real>
std::span<Real> row_of(const linalg::RowMajorView<Real>& view, std::int64_t row) {
    return {view.data + row * view.stride, static_cast<std::size_t>(view.cols)};
}

}  // namespace alphaprune::transformer
