#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace alphaprune::model {

/// A hash table from pairs of numbers below 2^32 to values, in one piece of memory, as looking up
/// is what encoding text spends its time with.
template <class Value>
class NumberTable {
  public:
    explicit NumberTable(std::size_t expected = 0) { grow_to(expected); }

    /// nullptr where there is none.
    const Value* find(std::uint32_t first, std::uint32_t second) const {
        const std::uint64_t key = key_of(first, second);
        for (std::size_t at = place_of(key);; at = (at + 1) & mask()) {
            if (entries_[at].key == key) {
                return &entries_[at].value;
            }
            if (entries_[at].key == kNone) {
                return nullptr;
            }
        }
    }

    /// The value of a pair, which is added with this one where there is none.
    Value& add(std::uint32_t first, std::uint32_t second, const Value& value) {
        if (2 * (used_ + 1) > entries_.size()) {
            grow_to(2 * used_ + 1);
        }
        const std::uint64_t key = key_of(first, second);
        std::size_t at = place_of(key);
        for (; entries_[at].key != key; at = (at + 1) & mask()) {
            if (entries_[at].key == kNone) {
                entries_[at] = {key, value};
                ++used_;
                break;
            }
        }
        return entries_[at].value;
    }

  private:
    struct Entry {
        std::uint64_t key = kNone;
        Value value{};
    };
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};

    static std::uint64_t key_of(std::uint32_t first, std::uint32_t second) {
        return static_cast<std::uint64_t>(first) << 32U | second;
    }
    std::size_t mask() const { return entries_.size() - 1; }
    std::size_t place_of(std::uint64_t key) const {
        key *= 0x9E3779B97F4A7C15U;  // 2^64 over the golden ratio
        return static_cast<std::size_t>(key ^ key >> 32U) & mask();
    }
    void grow_to(std::size_t expected) {
        std::size_t size = 16;
        while (size < 2 * expected) {
            size *= 2;
        }
        std::vector<Entry> old(size);
        old.swap(entries_);
        for (const Entry& entry : old) {
            if (entry.key != kNone) {
                std::size_t at = place_of(entry.key);
                while (entries_[at].key != kNone) {
                    at = (at + 1) & mask();
                }
                entries_[at] = entry;
            }
        }
    }

    std::vector<Entry> entries_;
    std::size_t used_ = 0;
};

}  // namespace alphaprune::model
