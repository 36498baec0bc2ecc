#include "mlp_pass.hpp"

#include <algorithm>
#include <numeric>

namespace alphaprune::transformer {
namespace {

const model::LinearLayer& layer_of(const model::BlockDescription& block, int layer) {
    return block.layers[static_cast<std::size_t>(layer)];
}

std::int64_t tokens_in(std::span<const float> values, std::int64_t width) {
    return static_cast<std::int64_t>(values.size()) / width;
}

}  // namespace

std::int64_t mlp_scratch(const model::BlockDescription& block, const model::MlpLayer& mlp,
                         std::int64_t tokens) {
    return whole_lines(tokens * layer_of(block, mlp.up).rows);
}

std::span<const float> mlp_inner(BlockMath& math, const model::BlockDescription& block,
                                 const model::MlpLayer& mlp, std::span<const float> input,
                                 ScratchCutter scratch) {
    const model::LinearLayer& up = layer_of(block, mlp.up);
    const MlpWork work{mlp, input, scratch.cut(tokens_in(input, up.cols) * up.rows)};
    math.run_mlps(std::span(&work, 1));
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

ExpertsPass::ExpertsPass(BlockMath& math, const model::BlockDescription& block,
                         const model::ExpertsLayer& experts, std::span<const float> input,
                         ScratchCutter scratch)
    : math_(math),
      block_(block),
      experts_(experts),
      input_(input),
      hidden_(layer_of(block, experts.router).cols),
      all_(static_cast<std::size_t>(tokens_in(input, hidden_))),
      gathered_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      out_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      mixed_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      gate_(scratch.cut(tokens_in(input, hidden_))) {
    std::iota(all_.begin(), all_.end(), 0);
    const model::LinearLayer& router = layer_of(block, experts.router);
    inner_ = scratch.rest();
    const auto logits = scratch.cut(tokens_in(input, hidden_) * router.rows);
    math.multiply({router, input, logits});
    routed_ = math.route(experts, router.rows, logits);
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
    std::vector<TokenRows> rows;
    for (const Member& member : lot) {
        if (member.expert >= 0) {
            rows.push_back({tokens(member.expert), member.input});
        }
    }
    math_.gather(input_, hidden_, rows);
}

void ExpertsPass::run_inner(const Lot& lot) {
    std::vector<MlpWork> works;
    for (const Member& member : lot) {
        works.push_back({mlp(member.expert), input_of(member), member.inner});
    }
    math_.run_mlps(works);
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
    math_.clear(mixed_);
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
    math_.multiply(products);
    if (lot.front().expert < 0) {
        add_shared(lot.front());
        return;
    }
    std::vector<ExpertOutput> outputs;
    for (const Member& member : lot) {
        outputs.push_back({routed_[static_cast<std::size_t>(member.expert)], member.out});
    }
    math_.add_experts(outputs, hidden_, mixed_);
}

void ExpertsPass::add_shared(const Member& shared) {
    std::span<float> gates;
    if (experts_.shared_gate >= 0) {
        gates = gate_;
        math_.multiply({layer_of(block_, experts_.shared_gate), input_, gates});
    }
    math_.add_gated(mixed_, shared.out, hidden_, gates);
}

}  // namespace alphaprune::transformer
