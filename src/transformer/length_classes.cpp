#include "length_classes.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace alphaprune::transformer {

std::vector<parallel::RowRange> length_classes(std::span<const std::int64_t> lengths,
                                               std::int64_t pass_tokens) {
    assert(std::ranges::is_sorted(lengths, std::greater<>()));
    // Where each length begins in the list: a class begins at one of these.
    std::vector<std::int64_t> begins;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (i == 0 || lengths[i] != lengths[i - 1]) {
            begins.push_back(static_cast<std::int64_t>(i));
        }
    }
    begins.push_back(static_cast<std::int64_t>(lengths.size()));
    const std::size_t count = begins.size() - 1;
    // The least tokens for the sequences from each beginning on, and where the first class ends.
    std::vector<std::int64_t> least(count + 1, 0);
    std::vector<std::size_t> end_of(count, 0);
    for (std::size_t first = count; first-- > 0;) {
        least[first] = std::numeric_limits<std::int64_t>::max();
        const std::int64_t length = lengths[static_cast<std::size_t>(begins[first])];
        for (std::size_t end = first + 1; end <= count; ++end) {
            const std::int64_t tokens =
                pass_tokens + (begins[end] - begins[first]) * length + least[end];
            if (tokens < least[first]) {
                least[first] = tokens;
                end_of[first] = end;
            }
        }
    }
    std::vector<parallel::RowRange> classes;
    for (std::size_t first = 0; first < count; first = end_of[first]) {
        classes.push_back({begins[first], begins[end_of[first]]});
    }
    return classes;
}

}  // namespace alphaprune::transformer
