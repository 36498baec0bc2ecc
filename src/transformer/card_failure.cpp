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

}  // namespace

support::Error card_failure(const std::string& where, const device::CardError& error) {
    return kCardFailed(where, error.what());
}

}  // namespace alphaprune::transformer
