#include "job_cards.hpp"

#include <algorithm>
#include <limits>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/device/card_module.hpp"

namespace alphaprune::commands {

JobCards cards_of_job(const parallel::Communicator& ranks, std::optional<int> card,
                      std::optional<std::uint64_t> most) {
    // cuBLAS and cuSOLVER; and NCCL, where cards add up
    const std::uint64_t most_of_libraries = std::uint64_t{ranks.size() > 1 ? 2U : 1U} << 30U;
    constexpr std::uint64_t kUnknown = std::numeric_limits<std::int64_t>::max();
    std::uint64_t memory = kUnknown;
    if (card) {
        try {
            const std::uint64_t free = device::free_card_bytes(*card);
            memory =
                std::min(free - std::min(free / 8, most_of_libraries), most.value_or(kUnknown));
        } catch (const device::CardError&) {
            // What begins to work there will tell.
        }
    }
    const int of_node = ranks.split_by_node().sum(card ? 1 : 0);
    const std::uint64_t least = ranks.min(memory);
    return {ranks.max(of_node), least < kUnknown ? std::optional(least) : std::nullopt};
}

}  // namespace alphaprune::commands
