#include "fake_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

using alphaprune::device::CardError;
using alphaprune::device::CardFault;

CardMemory::~CardMemory() {
    for (const auto& [memory, bytes] : sizes_) {
        std::free(const_cast<std::byte*>(memory));
    }
}

void* CardMemory::allocate(std::size_t bytes) {
    constexpr std::size_t kLine = 256;
    const std::size_t whole = std::max<std::size_t>(1, (bytes + kLine - 1) / kLine) * kLine;
    void* const memory = std::aligned_alloc(kLine, whole);
    if (memory == nullptr) {
        throw CardError(CardFault::out_of_memory, "made up: out of memory");
    }
    std::memset(memory, 0xFF, whole);
    sizes_.emplace(static_cast<const std::byte*>(memory), bytes);
    return memory;
}

void CardMemory::release(void* memory) {
    if (memory == nullptr) {
        return;
    }
    if (sizes_.erase(static_cast<const std::byte*>(memory)) == 0) {
        throw CardError(CardFault::refused, "release: this was not allocated");
    }
    std::free(memory);
}

void CardMemory::check(const void* values, std::size_t bytes, std::size_t alignment,
                       const std::string& what) const {
    if (bytes == 0) {
        return;
    }
    const auto* const begin = static_cast<const std::byte*>(values);
    auto after = sizes_.upper_bound(begin);
    if (after == sizes_.begin()) {
        throw CardError(CardFault::refused, what + " is not in memory of the card");
    }
    const auto& [memory, size] = *--after;
    const auto offset = static_cast<std::size_t>(begin - memory);
    if (offset >= size) {
        throw CardError(CardFault::refused, what + " is not in memory of the card");
    }
    if (bytes > size - offset) {
        throw CardError(CardFault::refused, what + ": " + std::to_string(bytes) + " bytes, but " +
                                                std::to_string(size - offset) + " are left");
    }
    if (offset % alignment != 0) {
        throw CardError(CardFault::refused, what + " is not aligned");
    }
}

bool overlap(const Touched& one, const Touched& other) {
    return one.bytes > 0 && other.bytes > 0 && one.begin < other.begin + other.bytes &&
           other.begin < one.begin + one.bytes;
}

void TouchedMemory::add(Ranges& ranges, const void* values, std::int64_t count, std::size_t size,
                        const char* name) {
    expect(count >= 0, std::string(name) + ": a negative number of values");
    const Touched touched{static_cast<const std::byte*>(values),
                          static_cast<std::size_t>(count) * size, name};
    memory_.check(values, touched.bytes, size, work_ + ": " + name);
    if (count > 0) {
        ranges.emplace(touched.begin, touched);
    }
}

void TouchedMemory::end() const {
    const Touched* before = nullptr;
    for (const auto& [begin, write] : writes_) {
        expect(before == nullptr || !overlap(*before, write),
               std::string(write.name) + " is written twice");
        before = &write;
    }
    // Ordered and apart from each other: only the last one that begins before a read's end can be
    // in its way.
    for (const auto& [begin, read] : reads_) {
        auto after = writes_.lower_bound(read.begin + read.bytes);
        expect(after == writes_.begin() || !overlap(std::prev(after)->second, read),
               std::string(read.name) + " is written in the same piece of work");
    }
}

void TouchedMemory::expect(bool holds, const std::string& what) const {
    if (!holds) {
        throw CardError(CardFault::refused, work_ + ": " + what);
    }
}
