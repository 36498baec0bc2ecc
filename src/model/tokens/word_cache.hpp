#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::model {

/// The ids of words that have been encoded before. It starts anew when it is full.
class WordCache {
  public:
    /// Appends the ids of a word, by `encode(word, ids)` unless they are known.
    template <class Encode>
    void append(std::string_view word, std::vector<std::int32_t>& ids, Encode&& encode) {
        if (word.size() > kLongestWord) {
            encode(word, ids);
            return;
        }
        const std::size_t hash = std::hash<std::string_view>()(word);
        std::size_t at = hash % kPlaces;
        for (; places_[at].length != 0; at = (at + 1) % kPlaces) {
            const Place& place = places_[at];
            if (std::string_view(texts_).substr(place.text, place.length) == word) {
                ids.insert(ids.end(), ids_.begin() + place.first, ids_.begin() + place.last);
                return;
            }
        }
        const std::size_t before = ids.size();
        encode(word, ids);
        remember(word, std::span(ids).subspan(before), at);
    }

  private:
    struct Place {
        std::uint32_t text = 0;    ///< in texts_
        std::uint32_t length = 0;  ///< 0: nothing is here
        std::uint32_t first = 0;   ///< in ids_
        std::uint32_t last = 0;
    };
    static constexpr std::size_t kLongestWord = 256;
    static constexpr std::size_t kPlaces = std::size_t{1} << 17U;

    void remember(std::string_view word, std::span<const std::int32_t> ids, std::size_t at) {
        if (word.empty()) {
            return;
        }
        if (2 * ++used_ > kPlaces) {
            places_.assign(kPlaces, {});
            texts_.clear();
            ids_.clear();
            used_ = 0;
            return;
        }
        places_[at] = {static_cast<std::uint32_t>(texts_.size()),
                       static_cast<std::uint32_t>(word.size()),
                       static_cast<std::uint32_t>(ids_.size()),
                       static_cast<std::uint32_t>(ids_.size() + ids.size())};
        texts_ += word;
        ids_.insert(ids_.end(), ids.begin(), ids.end());
    }

    std::vector<Place> places_ = std::vector<Place>(kPlaces);
    std::string texts_;
    std::vector<std::int32_t> ids_;
    std::size_t used_ = 0;
};

}  // namespace alphaprune::model
