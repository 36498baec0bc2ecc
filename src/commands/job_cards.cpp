#include "job_cards.hpp"

#include <limits>

#include "alphaprune/device/choose_card.hpp"

namespace alphaprune::commands {

JobCards cards_of_job(const parallel::Communicator& ranks, std::optional<int> card) {
    constexpr std::uint64_t kUnknown = std::numeric_limits<std::int64_t>::max();
    std::uint64_t memory = kUnknown;
    if (card) {
        const auto& cards = device::CardModule::get().cards();
        memory =
            device::memory_of_card(cards[static_cast<std::size_t>(*card)].name).value_or(kUnknown);
    }
    const int of_node = ranks.split_by_node().sum(card ? 1 : 0);
    const std::uint64_t least = ranks.min(memory);
    return {ranks.max(of_node), least < kUnknown ? std::optional(least) : std::nullopt};
}

}  // namespace alphaprune::commands
