#include "selection.hpp"

#include <algorithm>
#include <cassert>
#include <mutex>
#include <optional>

namespace alphaprune::pruning {
namespace {

/// Of this rank's keys those in an interval, and how many are below it.
struct KeysNear {
    std::vector<std::uint32_t> keys;
    std::int64_t below = 0;
};

void add_keys_near(KeysNear& near, std::span<const float> values, std::uint32_t first,
                   std::uint32_t width) {
    constexpr std::size_t kAtATime = 2048;
    std::array<std::uint32_t, kAtATime> found;
    for (std::size_t begin = 0; begin < values.size(); begin += kAtATime) {
        std::size_t count = 0;
        std::int64_t below = 0;
        for (const float value : values.subspan(begin, std::min(kAtATime, values.size() - begin))) {
            const std::uint32_t key = magnitude_key(value);  // without branches: none would be
            found[count] = key;                              // foreseen
            count += key - first <= width ? 1 : 0;
            below += key < first ? 1 : 0;
        }
        near.keys.insert(near.keys.end(), found.begin(),
                         found.begin() + static_cast<std::ptrdiff_t>(count));
        near.below += below;
    }
}

/// In no order: each thread has looked at a share of the values.
KeysNear keys_near(const parallel::ThreadPool& threads, std::span<const float> values,
                   const KeyGuess& guess) {
    const std::uint32_t first = guess.key - std::min(guess.key, guess.reach);
    const std::uint32_t width = guess.key - first + guess.reach;
    KeysNear near;
    std::mutex adding;
    const int shares = std::ssize(values) < kKeysWorthSharing ? 1 : threads.size();
    threads.run(shares, [&](std::int64_t share, int) {
        const auto some = parallel::share_of(std::ssize(values), shares, static_cast<int>(share));
        KeysNear own;
        add_keys_near(own,
                      values.subspan(static_cast<std::size_t>(some.begin),
                                     static_cast<std::size_t>(some.size())),
                      first, width);
        const std::scoped_lock lock(adding);
        near.keys.insert(near.keys.end(), own.keys.begin(), own.keys.end());
        near.below += own.below;
    });
    return near;
}

/// Nothing where the key is not near the guess.
std::optional<Selected> select_near(const parallel::Communicator& ranks,
                                    const parallel::ThreadPool& threads,
                                    std::span<const float> values, std::int64_t position,
                                    const KeyGuess& guess) {
    const KeysNear near = keys_near(threads, values, guess);
    std::array<std::int64_t, 2> all{near.below, static_cast<std::int64_t>(near.keys.size())};
    ranks.all_reduce_sum(std::span<std::int64_t>(all));
    if (position < all[0] || position >= all[0] + all[1]) {
        return std::nullopt;
    }
    Selected found =
        select_key(ranks, std::span<const std::uint32_t>(near.keys), position - all[0]);
    found.below += all[0];
    found.below_here += near.below;
    return found;
}

}  // namespace

Selected select_bin(const parallel::Communicator& ranks, const Histogram& here,
                    std::int64_t position) {
    Histogram all = here;
    ranks.all_reduce_sum(std::span(all));
    return find_bin(all, here, position);
}

Selected find_bin(std::span<const std::int64_t> all, std::span<const std::int64_t> here,
                  std::int64_t position) {
    Selected found{0, 0, all[0], 0, here[0]};
    while (position >= found.below + found.equal) {
        assert(found.key + 1 < all.size() && "position beyond the number of keys");
        found.below += found.equal;
        found.below_here += found.equal_here;
        ++found.key;
        found.equal = all[found.key];
        found.equal_here = here[found.key];
    }
    return found;
}

Selected select_magnitude(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                          std::span<const float> values, std::int64_t position, KeyGuess& guess) {
    constexpr std::uint32_t kLeast = 1U << 14;  // a five-hundredth of a magnitude
    constexpr std::uint32_t kMost = 1U << 21;   // a quarter
    std::optional<Selected> found;
    if (guess.reach > 0) {
        found = select_near(ranks, threads, values, position, guess);
    }
    if (!found) {
        const KeysOf<float, std::uint32_t (*)(float)> keys{values, magnitude_key};
        found = select_among<std::uint32_t>(ranks, threads, keys, position);
    }
    const std::uint32_t moved = std::max(found->key, guess.key) - std::min(found->key, guess.key);
    const bool first = guess.reach == 0;
    guess = {found->key, first ? kMost / 8 : std::clamp(4 * std::min(moved, kMost), kLeast, kMost)};
    return *found;
}

}  // namespace alphaprune::pruning
