#include "alphaprune/pruning/selection.hpp"

#include "histogram.hpp"

namespace alphaprune::pruning {
namespace {

template <class Key>
Selected select_in(const parallel::Communicator& ranks, std::span<const Key> keys,
                   std::int64_t position) {
    return select_among<Key>(ranks, position, [&](auto use) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            use(keys[i], static_cast<int>(i % 2));
        }
    });
}

}  // namespace

Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint16_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint32_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

}  // namespace alphaprune::pruning
