#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "block_math.hpp"
#include "routing.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// Values of scratch for an MLP over so many tokens.
std::int64_t mlp_scratch(const model::BlockDescription& block, const model::MlpLayer& mlp,
                         std::int64_t tokens);

/// What the last layer of an MLP is given, in the scratch: tokens × its inputs.
/// @param input  tokens × hidden size
std::span<const float> mlp_inner(BlockMath& math, const model::BlockDescription& block,
                                 const model::MlpLayer& mlp, std::span<const float> input,
                                 ScratchCutter scratch);

/// A mixture of experts over one sequence. Experts are computed in lots of consecutive ones that
/// have no more tokens together than the sequence, so that a lot takes no more memory than the
/// shared expert, and a team has several to share.
class ExpertsPass {
  public:
    /// Values of scratch over so many tokens.
    static std::int64_t scratch(const model::BlockDescription& block,
                                const model::ExpertsLayer& experts, std::int64_t tokens);

    /// Routes the tokens. All arguments outlive the object.
    /// @param input  tokens × hidden size
    ExpertsPass(BlockMath& math, const model::BlockDescription& block,
                const model::ExpertsLayer& experts, std::span<const float> input,
                ScratchCutter scratch);

    /// The tokens that an expert sees, ascending. @param expert  −1: the shared one; it sees all
    std::span<const std::int32_t> tokens(int expert) const;
    /// Their inputs, one after another, until the next call.
    std::span<const float> input(int expert);
    /// What the expert's last layer is given for them, until the next call.
    std::span<const float> inner(int expert);

    /// Is shown, for each expert, what its first layers are given and then what its last is.
    using Show = std::function<void(int expert, std::span<const float> values)>;
    /// tokens × hidden size: what all experts add up to.
    std::span<const float> mix(const Show& show);

  private:
    /// One of the experts that are computed together.
    struct Member {
        int expert;
        std::span<float> input;  ///< none of the shared one, which reads that of all
        std::span<float> inner;
        std::span<float> out;
    };
    using Lot = std::vector<Member>;

    const model::MlpLayer& mlp(int expert) const;
    std::span<const float> input_of(const Member& member) const {
        return member.expert < 0 ? input_ : member.input;
    }
    /// The experts from `first` on that fit, at least one. @param end  out: the one after them
    Lot lot_from(int first, int& end) const;
    Lot lot_of(int expert) const;
    void gather(const Lot& lot);
    void run_inner(const Lot& lot);
    void add_outputs(const Lot& lot);
    void add_shared(const Member& shared);

    BlockMath& math_;
    const model::BlockDescription& block_;
    const model::ExpertsLayer& experts_;
    std::span<const float> input_;
    std::int64_t hidden_;
    std::vector<RoutedTokens> routed_;
    std::vector<std::int32_t> all_;
    std::span<float> gathered_;  ///< of a lot, expert after expert, as the next two
    std::span<float> out_;
    std::span<float> inner_;
    std::span<float> mixed_;
    std::span<float> gate_;
};

}  // namespace alphaprune::transformer
