#include "alphaprune/transformer/block_runner.hpp"

#include "block_runners.hpp"

namespace alphaprune::transformer {

std::unique_ptr<BlockRunner> make_block_runner(const parallel::Communicator& node,
                                               const parallel::Team& team, const ForwardPlan& plan,
                                               const ForwardSettings& settings,
                                               BlockRunner* beside) {
    return settings.card ? make_card_block_runner(node, team, plan, settings, beside)
                         : make_cpu_block_runner(node, team, plan, settings.precision);
}

std::vector<int> head_tensors(const ForwardPlan& plan) {
    const model::NormLayer norm = plan.frame.final_norm.value_or(model::NormLayer{});
    std::vector<int> tensors;
    for (const int described : {norm.weight, norm.bias, plan.frame.project_out}) {
        if (described >= 0) {
            tensors.push_back(plan.frame_tensors[static_cast<std::size_t>(described)]);
        }
    }
    return tensors;
}

}  // namespace alphaprune::transformer
