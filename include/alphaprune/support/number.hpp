#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace alphaprune::support {

/// All of the text as a number; nothing where it is not one, or too large.
template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    return problem == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

}  // namespace alphaprune::support
