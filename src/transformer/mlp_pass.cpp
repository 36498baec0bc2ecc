#include "mlp_pass.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

const model::LinearLayer& layer_of(const model::BlockDescription& block, int layer) {
    return block.layers[static_cast<std::size_t>(layer)];
}

std::int64_t tokens_in(std::span<const float> values, std::int64_t width) {
    return static_cast<std::int64_t>(values.size()) / width;
}

/// A tile of what the last layer is given.
void run_inner_tile(const LayerWeights& weights, const model::BlockDescription& block,
                    const MlpWork& work, const ProductInputs& inputs, std::size_t input,
                    const ProductTile& tile, std::span<float> scratch, int thread) {
    const model::MlpLayer& mlp = work.mlp;
    const model::LinearLayer& up_layer = layer_of(block, mlp.up);
    const linalg::FloatView out = tile_of(work.inner, up_layer.rows, tile);
    const bool gated = mlp.gate >= 0;
    weights.multiply_tile(gated ? layer_of(block, mlp.gate) : up_layer, inputs, input, tile, false,
                          out, thread);
    const linalg::FloatView up{scratch.data(), out.rows, out.cols, out.cols};
    if (gated) {
        weights.multiply_tile(up_layer, inputs, input, tile, false, up, thread);
    }
    const Activation activate = activation_named(mlp.activation);
    for (std::int64_t token = 0; token < out.rows; ++token) {
        const auto values = row_of(out, token);
        if (mlp.clamped) {
            clamped_gate(*mlp.clamped, values, row_of(up, token));
            continue;
        }
        activate(values);
        if (gated) {
            multiply(values, row_of(up, token));
        }
    }
}

}  // namespace

std::int64_t mlp_scratch(const model::BlockDescription& block, const model::MlpLayer& mlp,
                         std::int64_t tokens) {
    return whole_lines(tokens * layer_of(block, mlp.up).rows);
}

std::int64_t mlp_thread_scratch() {
    return ProductTiles::kTokens * ProductTiles::kOutputs;
}

void run_mlps(const LayerWeights& weights, const model::BlockDescription& block,
              std::span<const MlpWork> works, const ThreadScratch& of_threads) {
    std::vector<std::pair<const model::LinearLayer*, std::span<const float>>> layers;
    TilesOfProducts tiles;
    for (const MlpWork& work : works) {
        const model::LinearLayer& up = layer_of(block, work.mlp.up);
        layers.emplace_back(&up, work.input);
        tiles.add(tokens_in(work.input, up.cols), up.rows);
    }
    const LayerWeights::Ready ready = weights.make_ready(layers);
    weights.team().share(tiles.count(), [&](std::int64_t item, int thread) {
        const auto& [at, tile] = tiles[item];
        run_inner_tile(weights, block, works[at], ready.inputs, ready.of_layer[at], tile,
                       of_threads.of(thread), thread);
    });
}

std::span<const float> mlp_inner(const LayerWeights& weights, const model::BlockDescription& block,
                                 const model::MlpLayer& mlp, std::span<const float> input,
                                 ScratchCutter scratch, const ThreadScratch& of_threads) {
    const model::LinearLayer& up = layer_of(block, mlp.up);
    const MlpWork work{mlp, input, scratch.cut(tokens_in(input, up.cols) * up.rows)};
    run_mlps(weights, block, std::span(&work, 1), of_threads);
    return work.inner;
}

std::int64_t ExpertsPass::scratch(const model::BlockDescription& block,
                                  const model::ExpertsLayer& experts, std::int64_t tokens) {
    std::int64_t most = mlp_scratch(block, experts.experts.front(), tokens);
    if (experts.shared) {
        most = std::max(most, mlp_scratch(block, *experts.shared, tokens));
    }
    const std::int64_t hidden = layer_of(block, experts.router).cols;
    return 3 * whole_lines(tokens * hidden) + whole_lines(tokens) +
           std::max(most, whole_lines(tokens * layer_of(block, experts.router).rows));
}

ExpertsPass::ExpertsPass(const LayerWeights& weights, const model::BlockDescription& block,
                         const model::ExpertsLayer& experts, std::span<const float> input,
                         ScratchCutter scratch, const ThreadScratch& of_threads)
    : weights_(weights),
      block_(block),
      experts_(experts),
      input_(input),
      hidden_(layer_of(block, experts.router).cols),
      all_(static_cast<std::size_t>(tokens_in(input, hidden_))),
      gathered_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      out_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      mixed_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      gate_(scratch.cut(tokens_in(input, hidden_))),
      of_threads_(of_threads) {
    std::iota(all_.begin(), all_.end(), 0);
    const model::LinearLayer& router = layer_of(block, experts.router);
    inner_ = scratch.rest();
    const auto logits = scratch.cut(tokens_in(input, hidden_) * router.rows);
    weights.run({router, input, logits});
    routed_ =
        route(experts.routing, router.rows, logits, weights.values(experts.routing.choice_bias));
    weights.team().sync();  // the logits are read: their place is free
}

const model::MlpLayer& ExpertsPass::mlp(int expert) const {
    return expert < 0 ? *experts_.shared : experts_.experts[static_cast<std::size_t>(expert)];
}

std::span<const std::int32_t> ExpertsPass::tokens(int expert) const {
    return expert < 0 ? all_ : routed_[static_cast<std::size_t>(expert)].tokens;
}

ExpertsPass::Lot ExpertsPass::lot_from(int first, int& end) const {
    Lot lot;
    std::size_t taken = 0;
    for (end = first; end < static_cast<int>(routed_.size()); ++end) {
        const std::size_t count = tokens(end).size();
        if (!lot.empty() && taken + count > all_.size()) {
            break;
        }
        const auto wide = static_cast<std::size_t>(hidden_);
        const auto inner = static_cast<std::size_t>(layer_of(block_, mlp(end).up).rows);
        lot.push_back({end, gathered_.subspan(taken * wide, count * wide),
                       inner_.subspan(taken * inner, count * inner),
                       out_.subspan(taken * wide, count * wide)});
        taken += count;
    }
    return lot;
}

ExpertsPass::Lot ExpertsPass::lot_of(int expert) const {
    if (expert < 0) {
        const auto inner = static_cast<std::size_t>(layer_of(block_, mlp(expert).up).rows);
        return {{expert, {}, inner_.first(all_.size() * inner), out_}};
    }
    int end = 0;
    Lot lot = lot_from(expert, end);
    lot.erase(lot.begin() + 1, lot.end());
    return lot;
}

void ExpertsPass::gather(const Lot& lot) {
    weights_.team().share(static_cast<std::int64_t>(lot.size()), [&](std::int64_t item, int) {
        const Member& member = lot[static_cast<std::size_t>(item)];
        if (member.expert < 0) {
            return;
        }
        const auto wide = static_cast<std::size_t>(hidden_);
        auto to = member.input.begin();
        for (const std::int32_t token : tokens(member.expert)) {
            to = std::ranges::copy(input_.subspan(static_cast<std::size_t>(token) * wide, wide), to)
                     .out;
        }
    });
}

void ExpertsPass::run_inner(const Lot& lot) {
    std::vector<MlpWork> works;
    for (const Member& member : lot) {
        works.push_back({mlp(member.expert), input_of(member), member.inner});
    }
    run_mlps(weights_, block_, works, of_threads_);
}

std::span<const float> ExpertsPass::input(int expert) {
    const Lot lot = lot_of(expert);
    gather(lot);
    return input_of(lot.front());
}

std::span<const float> ExpertsPass::inner(int expert) {
    const Lot lot = lot_of(expert);
    gather(lot);
    run_inner(lot);
    return lot.front().inner;
}

std::span<const float> ExpertsPass::mix(const Show& show) {
    weights_.team().share_slices(
        static_cast<std::int64_t>(all_.size()), kTokenSlice,
        [&](parallel::RowRange some) { std::ranges::fill(rows_of(mixed_, hidden_, some), 0.0F); });
    const auto pass = [&](const Lot& lot) {
        gather(lot);
        run_inner(lot);
        for (const Member& member : lot) {
            if (show) {
                show(member.expert, input_of(member));
                show(member.expert, member.inner);
            }
        }
        add_outputs(lot);
    };
    for (int next = 0; next < static_cast<int>(routed_.size());) {
        pass(lot_from(next, next));
    }
    if (experts_.shared) {
        pass(lot_of(-1));
    }
    return mixed_;
}

void ExpertsPass::add_outputs(const Lot& lot) {
    std::vector<Product> products;
    for (const Member& member : lot) {
        products.push_back({layer_of(block_, mlp(member.expert).down), member.inner, member.out});
    }
    weights_.run(products);
    if (lot.front().expert < 0) {
        add_shared(lot.front());
        return;
    }
    // By columns: of a token, its experts add in their order.
    constexpr std::int64_t kColumns = 256;
    weights_.team().share_slices(hidden_, kColumns, [&](parallel::RowRange columns) {
        const auto wide = static_cast<std::size_t>(hidden_);
        const auto first = static_cast<std::size_t>(columns.begin);
        const auto count = static_cast<std::size_t>(columns.size());
        for (const Member& member : lot) {
            const RoutedTokens& routed = routed_[static_cast<std::size_t>(member.expert)];
            for (std::size_t i = 0; i < routed.tokens.size(); ++i) {
                const auto values = member.out.subspan(i * wide + first, count);
                const auto token = static_cast<std::size_t>(routed.tokens[i]);
                scale(values, routed.weights[i]);
                add(mixed_.subspan(token * wide + first, count), values);
            }
        }
    });
}

void ExpertsPass::add_shared(const Member& shared) {
    if (experts_.shared_gate >= 0) {
        weights_.run({layer_of(block_, experts_.shared_gate), input_, gate_});
    }
    weights_.team().share_slices(
        static_cast<std::int64_t>(all_.size()), kTokenSlice, [&](parallel::RowRange some) {
            for (std::int64_t token = some.begin; token < some.end; ++token) {
                const auto values = rows_of(shared.out, hidden_, {token, token + 1});
                if (experts_.shared_gate >= 0) {
                    const float gate = gate_[static_cast<std::size_t>(token)];
                    scale(values, 1.0F / (1.0F + std::exp(-gate)));
                }
                add(rows_of(mixed_, hidden_, {token, token + 1}), values);
            }
        });
}

}  // namespace alphaprune::transformer
