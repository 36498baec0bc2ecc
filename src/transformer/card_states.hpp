#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"

namespace alphaprune::transformer {

/// As many values of each sequence of a rank, those of the first sequences on its card and those of
/// the others in memory of the host, from where they visit the card while something works on them.
/// Functions throw device::CardError.
class CardStates {
  public:
    /// @param on_card  sequences; nothing: all
    CardStates(linalg::FarLane& lane, std::optional<std::int64_t> on_card)
        : lane_(lane),
          on_card_(on_card.value_or(std::numeric_limits<std::int64_t>::max())),
          there_(lane),
          here_(lane, linalg::FarBuffer::Where::host),
          visitor_(lane),
          arriving_(lane, linalg::FarBuffer::Where::host) {}

    /// Room for values; those that were there are lost where it takes more. @param each  sequence's
    void reserve(std::int64_t sequences, std::int64_t each) {
        each_ = each;
        const std::int64_t there = std::min(sequences, on_card_);
        there_.at_least(there * each);
        here_.at_least((sequences - there) * each);
    }

    /// Where they lie, for copies.
    std::span<float> home(std::int64_t sequence) {
        const bool is_there = sequence < on_card_;
        const std::int64_t place = is_there ? sequence : sequence - on_card_;
        return (is_there ? there_ : here_)
            .at_least((place + 1) * each_)
            .subspan(static_cast<std::size_t>(place * each_), static_cast<std::size_t>(each_));
    }
    /// Calls fill(values) with memory of the host, whose values become the sequence's.
    template <class Fill>
    void fill(std::int64_t sequence, Fill fill) {
        const std::span<float> lying = home(sequence);
        if (sequence >= on_card_) {
            fill(lying);
            return;
        }
        const std::span<float> values = arriving_.at_least(each_);
        lane_.wait();
        fill(values);
        lane_.copy(lying.data(), values.data(), values.size_bytes());
    }
    /// After the last that is filled.
    void filled() { arriving_.release(); }
    /// On the card, to be read before others are asked for.
    std::span<const float> on_card(std::int64_t sequence) { return visit(sequence); }
    /// The same while `use` runs, to be changed.
    template <class Use>
    void change(std::int64_t sequence, Use use) {
        const std::span<float> values = visit(sequence);
        use(values);
        if (sequence >= on_card_) {
            lane_.copy(home(sequence).data(), values.data(), values.size_bytes());
        }
    }

  private:
    std::span<float> visit(std::int64_t sequence) {
        const std::span<float> lying = home(sequence);
        if (sequence < on_card_) {
            return lying;
        }
        const std::span<float> values = visitor_.at_least(each_);
        lane_.copy(values.data(), lying.data(), values.size_bytes());
        return values;
    }

    linalg::FarLane& lane_;
    std::int64_t on_card_;  ///< sequences, at most
    std::int64_t each_ = 0;
    linalg::FarBuffer there_;  ///< on the card
    linalg::FarBuffer here_;   ///< on the host
    linalg::FarBuffer visitor_;
    linalg::FarBuffer arriving_;  ///< on the host: a sequence on its way to the card
};

}  // namespace alphaprune::transformer
