#include "alphaprune/pruning/selection.hpp"

#include "histogram.hpp"

namespace alphaprune {
namespace {

template <class Key>
Selected select_in(const Communicator& ranks, std::span<const Key> keys, std::int64_t position) {
    return select_among<Key>(ranks, position, [&](auto use) {
        for (const Key key : keys) {
            use(key);
        }
    });
}

}  // namespace

Selected select_key(const Communicator& ranks, std::span<const std::uint16_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

Selected select_key(const Communicator& ranks, std::span<const std::uint32_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

}  // namespace alphaprune
