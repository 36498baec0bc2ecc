#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"
#include "block_math.hpp"
#include "block_parts.hpp"
#include "latent_attention.hpp"
#include "mlp_pass.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// One block over one sequence, sublayer after sublayer, as its description says. On a processor it
/// is run collectively by a team: every call, with the same arguments on all of its ranks; every
/// rank is shown the inputs. Hidden states and scratch lie where the operations look for them.
class BlockPass {
  public:
    /// All arguments outlive the object. @param scratch  block_scratch() values
    BlockPass(const BlockPlan& plan, BlockMath& math, std::int64_t hidden_size, std::int64_t tokens,
              std::span<float> scratch, const InputObserver& observe);

    /// @param hidden  in and out: tokens × hidden_size
    void run(std::span<float> hidden);
    /// The same up to the last site, whose output nobody needs.
    void run_to_last_site(std::span<float> hidden);

    // In steps:
    /// From the site before to this one.
    /// @param kept  tokens × kept_width(): in and out, what an attention has brought together
    void step(std::size_t site, std::span<float> hidden, std::span<float> kept);
    /// From the last site to the end of the block.
    void leave(std::span<float> hidden, std::span<const float> kept);
    void step_and_leave(std::span<float> hidden, std::span<const float> kept);

  private:
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    std::span<const float> input_of(std::size_t sublayer, std::span<float> hidden);
    /// What the last layer of a sublayer is given, in the sublayer's scratch; of an attention a
    /// copy in `kept`, unless that is empty; of a mixture of experts its output.
    std::span<const float> inner_of(std::size_t sublayer, std::span<const float> input,
                                    std::span<float> kept);
    std::span<float> attended(const model::AttentionLayer& attention, std::span<const float> input,
                              ScratchCutter scratch);
    /// Norms and rotates queries and keys.
    void place_heads(const model::AttentionLayer& attention, std::span<float> query,
                     std::span<float> key);
    /// hidden += last layer(inner), or what a mixture of experts has come to, scaled and normed as
    /// the description says.
    void add_output(const model::Sublayer& sublayer, std::span<const float> inner,
                    std::span<float> hidden);

    // A sublayer and those after it that run in parallel to it are one group: what its members add
    // to the hidden state is added when all of them have read it.
    using Inners = std::vector<std::span<const float>>;
    std::size_t group_begin(std::size_t sublayer) const;
    std::size_t group_end(std::size_t sublayer) const;
    /// Shows the sublayer's sites from `first_shown` on.
    /// @param waiting  what the members of its group before it will add; it joins them
    void show_sublayer(std::size_t number, std::span<float> hidden, Inners& waiting,
                       std::size_t first_shown = 0);
    /// @return  what waits to be added
    Inners show_group(std::size_t group, std::span<float> hidden);
    /// Of the sublayers before `end`, which are waiting no more.
    void add_outputs(std::size_t end, Inners& waiting, std::span<float> hidden);
    /// What a member of a group adds its output to: the state with the outputs of those before it.
    std::span<const float> residual_of(std::size_t sublayer, std::span<const float> hidden,
                                       std::span<const float> kept);
    /// What an attention has brought together was kept; the inner values of an MLP, which are
    /// wider, are computed again.
    void leave_group(std::size_t group, std::span<float> hidden, std::span<const float> kept);
    std::span<const float> kept_inner(std::size_t sublayer, std::span<const float> kept) const;
    LatentAttentionPass latent_pass(std::size_t sublayer, std::span<const float> input) const;

    /// The sublayer's part of the scratch, behind that for normed inputs and that of the members of
    /// its group before it.
    ScratchCutter scratch_of(std::size_t sublayer) const;
    void show(std::size_t site, std::span<const float> input, std::span<const float> hidden) const;
    /// @param routed  the input of all experts
    void show_expert(std::size_t site, std::span<const std::int32_t> tokens,
                     std::span<const float> input, std::span<const float> hidden,
                     std::span<const float> routed) const;

    const model::BlockDescription& block_;
    const std::vector<SitePlace>& sites_;
    BlockMath& math_;
    std::int64_t tokens_;
    std::int64_t hidden_size_;
    std::span<float> scratch_;
    const InputObserver& observe_;
};

}  // namespace alphaprune::transformer
