#include "sparse_bytes.hpp"

#include <algorithm>

namespace alphaprune::checkpoint {

void SparseBytes::resize(std::uint64_t size) {
    pages_.erase(pages_.lower_bound((size + kPageBytes - 1) / kPageBytes), pages_.end());
    if (const auto last = pages_.find(size / kPageBytes); last != pages_.end()) {
        std::fill(last->second.begin() + static_cast<std::ptrdiff_t>(size % kPageBytes),
                  last->second.end(), std::byte{0});
    }
    size_ = size;
}

void SparseBytes::read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
        const std::uint64_t within = offset % kPageBytes;
        const auto part = out.first(std::min<std::uint64_t>(kPageBytes - within, out.size()));
        if (const auto page = pages_.find(offset / kPageBytes); page != pages_.end()) {
            std::ranges::copy(std::span(page->second).subspan(within, part.size()), part.begin());
        } else {
            std::ranges::fill(part, std::byte{0});
        }
        offset += part.size();
        out = out.subspan(part.size());
    }
}

void SparseBytes::write(std::uint64_t offset, std::span<const std::byte> bytes) {
    size_ = std::max(size_, offset + bytes.size());
    while (!bytes.empty()) {
        const std::uint64_t within = offset % kPageBytes;
        const auto part = bytes.first(std::min<std::uint64_t>(kPageBytes - within, bytes.size()));
        Page& page = pages_.try_emplace(offset / kPageBytes).first->second;
        std::ranges::copy(part, page.begin() + static_cast<std::ptrdiff_t>(within));
        offset += part.size();
        bytes = bytes.subspan(part.size());
    }
}

}  // namespace alphaprune::checkpoint
