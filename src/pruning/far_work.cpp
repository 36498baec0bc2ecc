#include "far_work.hpp"

#include "alphaprune/support/message.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<std::string> kSolvingFailed{
    "pruning.card-failed", "the graphics card: {}",
    "a factorization takes 20 bytes for each pair of inputs of a site and 12 for each weight of "
    "its "
    "matrices, beside Hessians, block and hidden states: the memory is too small or taken by "
    "others, or the card is lost",
    "go on with --resume on more cards, each with fewer sequences and rows; --device none leaves "
    "cards alone"};

}  // namespace

support::Error solving_failure(const device::CardError& error) {
    return kSolvingFailed("solving for weights", error.what());
}

}  // namespace alphaprune::pruning
