#include "far_selection.hpp"

#include "joint_selection.hpp"

namespace alphaprune::pruning {

std::vector<Selected> select_far(const parallel::Communicator& ranks, linalg::FarLane& lane,
                                 std::span<const FarValues> sets,
                                 std::span<const std::int64_t> positions, linalg::FarBuffer& room) {
    std::vector<std::uint32_t> counts;
    return select_counted<std::uint32_t>(
        ranks, positions, [&](std::span<const Selected> found, int undecided, int bits) {
            const std::size_t bins = std::size_t{1} << bits;
            counts.resize(sets.size() * bins);
            const auto there = room.at_least<std::uint32_t>(std::ssize(counts));
            for (std::size_t set = 0; set < sets.size(); ++set) {
                lane.count_magnitudes({.values = sets[set].values,
                                       .count = sets[set].count,
                                       .gone = sets[set].gone,
                                       .decided = found[set].key,
                                       .undecided = undecided,
                                       .bits = bits,
                                       .counts = there.data() + set * bins});
            }
            lane.download(std::as_writable_bytes(std::span(counts)), there.data());
            return Histogram(counts.begin(), counts.end());
        });
}

}  // namespace alphaprune::pruning
