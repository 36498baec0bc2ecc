#include "card_failure.hpp"

#include "alphaprune/support/message.hpp"

namespace alphaprune::transformer {
namespace {

const support::Failure<std::string> kCardFailed{
    "transformer.card-failed", "the graphics card: {}",
    "its memory is too small or taken by others, or card, driver and libraries do not work "
    "together",
    "go on with --resume; on more cards each needs less memory, and --device none leaves cards "
    "alone"};

const support::Failure<std::string> kSumsFailed{
    "transformer.card-sums-failed", "the graphics card: {}",
    "Hessians take 12 bytes for each pair of inputs of each site of a block, beside the block and "
    "all hidden states: the memory is too small or taken by others, or the card is lost",
    "go on with --resume and a smaller --memory-per-rank, so that the sites of a block come in "
    "turns, or on more cards, each with fewer sequences; --device none leaves cards alone"};

}  // namespace

support::Error forward_failure(const device::CardError& error) {
    return kCardFailed("forward pass", error.what());
}

support::Error sums_failure(const device::CardError& error) {
    return kSumsFailed("sums of products of inputs", error.what());
}

}  // namespace alphaprune::transformer
