#include "forward_settings.hpp"

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::commands {
namespace {

using linalg::ForwardPrecision;

const support::Warning<int, int> kTooFewCards{
    "commands.too-few-cards",
    "activations are computed by processors: only {} of {} ranks have a graphics card",
    "cards compute activations where each rank has one, so that all sequences are computed alike",
    "start one rank per card (srun --ntasks-per-node=4 --gpus-per-node=4), with the node's cores "
    "shared among these ranks (--cpus-per-task), for calibration and perplexities"};

}  // namespace

transformer::ForwardSettings forward_settings(const parallel::Communicator& ranks,
                                              const cli::Options& options,
                                              const std::optional<device::CardInfo>& card) {
    const auto cards = static_cast<int>(ranks.sum(card ? 1 : 0));
    if (cards == ranks.size()) {
        return {options.forward_precision.value_or(ForwardPrecision::bf16x2), card->index};
    }
    if (cards > 0 && ranks.is_root()) {
        support::log_warning(kTooFewCards(cards, ranks.size()));
    }
    const ForwardPrecision precision =
        options.forward_precision.value_or(ForwardPrecision::float32);
    parallel::run_collectively(
        ranks, [&] { linalg::require_forward_precision(precision, "--forward-precision"); });
    return {precision, {}};
}

}  // namespace alphaprune::commands
