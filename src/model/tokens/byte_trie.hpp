#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokens/number_table.hpp"

namespace alphaprune::model {

/// A set of texts, each with a number, to find those that a text begins with.
class ByteTrie {
  public:
    /// A text that is there already gets the new number. An empty one is never found.
    /// @param number  not negative
    void add(std::string_view text, std::int32_t number) {
        std::uint32_t node = 0;
        for (const char byte : text) {
            const std::uint32_t child =
                children_.add(node, static_cast<unsigned char>(byte), next());
            if (child == next()) {
                numbers_.push_back(kNoNumber);
            }
            node = child;
        }
        numbers_[node] = number;
    }

    /// Calls `take(length, number)` for all texts that `text` begins with, the shortest first.
    template <class Take>
    void for_each_prefix(std::string_view text, Take&& take) const {
        std::uint32_t node = 0;
        for (std::size_t length = 1; length <= text.size(); ++length) {
            const std::uint32_t* child =
                children_.find(node, static_cast<unsigned char>(text[length - 1]));
            if (child == nullptr) {
                return;
            }
            node = *child;
            if (numbers_[node] != kNoNumber) {
                take(length, numbers_[node]);
            }
        }
    }

  private:
    static constexpr std::int32_t kNoNumber = -1;
    std::uint32_t next() const { return static_cast<std::uint32_t>(numbers_.size()); }

    NumberTable<std::uint32_t> children_;  ///< of a node, by byte
    std::vector<std::int32_t> numbers_ = std::vector<std::int32_t>(1, kNoNumber);
};

}  // namespace alphaprune::model
