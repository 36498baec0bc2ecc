#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "alphaprune/support/message.hpp"

namespace alphaprune::formats {

inline const support::BadRequest<std::size_t> kMoreFaults{
    "formats.more-faults", "the file has {} more faults", "only the first ones are listed",
    "see those above first"};

/// The faults of one file. The first few are kept in words, the rest counted: a broken file of a
/// million tensors must not fill a terminal.
class CappedFaults {
  public:
    explicit CappedFaults(std::string file) : file_(std::move(file)) {}

    /// @param place   where in the file, as 'tensor "x"'; may be empty
    /// @param values  of the message
    template <class... Values>
    void add(const support::BadRequest<Values...>& message, std::string_view place,
             const std::type_identity_t<Values>&... values) {
        if (++count_ <= kShown) {
            list_.add(
                message(place.empty() ? file_ : fmt::format("{}, {}", file_, place), values...));
        }
    }

    /// @throws Error (bad_request) with what was added, if anything was.
    void throw_if_any() {
        if (count_ > kShown) {
            list_.add(kMoreFaults(file_, count_ - kShown));
        }
        list_.throw_if_any();
    }

  private:
    static constexpr std::size_t kShown = 20;

    support::FaultList list_;
    std::size_t count_ = 0;
    std::string file_;
};

/// Product of a shape's dimensions (none negative) and the size of an element, in whatever unit
/// that is, or nothing when it does not fit 63 bits. Dimensions beside a zero must fit too: no
/// later product of them may overflow.
inline std::optional<std::uint64_t> size_of_shape(std::span<const std::int64_t> shape,
                                                  std::uint64_t element_size) {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t size = element_size;
    bool is_empty = false;
    for (const std::int64_t dimension : shape) {
        const auto factor = static_cast<std::uint64_t>(dimension);
        if (factor == 0) {
            is_empty = true;
        } else if (size > kLargest / factor) {
            return std::nullopt;
        } else {
            size *= factor;
        }
    }
    return is_empty ? 0 : size;
}

}  // namespace alphaprune::formats
