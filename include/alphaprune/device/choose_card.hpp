#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/device/card_module.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::device {

/// What the user wants of graphics cards.
enum class DeviceChoice {
    automatic,  ///< use those that are there
    cuda,       ///< refuse to run where no node has one
    none,       ///< leave them alone
};

inline constexpr std::array kDeviceChoices{DeviceChoice::automatic, DeviceChoice::cuda,
                                           DeviceChoice::none};
/// "auto", "cuda", "none"
std::string_view name_of(DeviceChoice choice);

/// Which of the cards that each rank of a node may see is whose: each card goes to one rank, the
/// first in rank order that sees it and has none. (Under Slurm each rank may see one card of its
/// own, or all of them; the uuid tells.)
/// @param visible  uuids that each rank sees, in the order of their indices
/// @returns per rank the place in its list; nothing for ranks without a card
std::vector<std::optional<std::size_t>> share_out_cards(
    std::span<const std::vector<std::string>> visible);

/// The card of this rank, if it has one. Collective over all ranks of the job.
/// @param node  the ranks on this rank's node
/// @throws Error (bad_request) on all ranks where cuda is asked for and no rank has a card
std::optional<CardInfo> card_of_rank(const parallel::Communicator& ranks,
                                     const parallel::Communicator& node, DeviceChoice choice);

}  // namespace alphaprune::device
