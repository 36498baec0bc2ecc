#include "alphaprune/device/choose_card.hpp"

#include <algorithm>
#include <set>

#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::device {
namespace {

/// In the order of DeviceChoice.
constexpr std::array<std::string_view, kDeviceChoices.size()> kDeviceNames{"auto", "cuda", "none"};

const support::BadRequest<std::string> kNoCard{
    "device.no-card", "no node has a graphics card that can be used ({})",
    "the module for cards or the driver is missing, or the batch job was given no card",
    "ask the batch system for cards (--gpus-per-node), build with CUDA, or leave --device out"};

std::vector<std::string> uuids_of(const std::vector<CardInfo>& cards) {
    std::vector<std::string> uuids;
    std::ranges::transform(cards, std::back_inserter(uuids), &CardInfo::uuid);
    return uuids;
}

/// What each rank of the node sees.
std::vector<std::vector<std::string>> all_uuids(const parallel::Communicator& node,
                                                const std::vector<std::string>& mine) {
    support::ByteWriter writer;
    writer(mine);
    std::vector<std::vector<std::string>> all;
    for (const std::string& of_rank : node.all_gather_texts(writer.take())) {
        support::ByteReader reader(of_rank);
        reader(all.emplace_back());
    }
    return all;
}

}  // namespace

std::string_view name_of(DeviceChoice choice) {
    return kDeviceNames[static_cast<std::size_t>(choice)];
}

std::vector<std::optional<std::size_t>> share_out_cards(
    std::span<const std::vector<std::string>> visible) {
    std::set<std::string> taken;
    std::vector<std::optional<std::size_t>> shares;
    for (const std::vector<std::string>& uuids : visible) {
        const auto free =
            std::ranges::find_if(uuids, [&](const auto& uuid) { return !taken.contains(uuid); });
        shares.emplace_back();
        if (free != uuids.end()) {
            taken.insert(*free);
            shares.back() = static_cast<std::size_t>(free - uuids.begin());
        }
    }
    return shares;
}

std::optional<CardInfo> card_of_rank(const parallel::Communicator& ranks,
                                     const parallel::Communicator& node, DeviceChoice choice) {
    if (choice == DeviceChoice::none) {
        return std::nullopt;
    }
    const CardModule& module = CardModule::get();
    const auto shares = share_out_cards(all_uuids(node, uuids_of(module.cards())));
    const auto mine = shares[static_cast<std::size_t>(node.rank())];
    if (choice == DeviceChoice::cuda && !ranks.any(mine.has_value())) {
        throw kNoCard("--device cuda", ranks.broadcast_text(module.reason())).mark_agreed();
    }
    return mine ? std::optional(module.cards()[*mine]) : std::nullopt;
}

}  // namespace alphaprune::device
