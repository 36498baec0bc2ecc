#include <charconv>
#include <string_view>
#include <system_error>

#include "alphaprune/pruning/row_pruning.hpp"
#include "group_choice.hpp"

namespace alphaprune::pruning {
namespace {

/// Digits only, no sign, at most two of them.
std::optional<int> small_number(std::string_view text) {
    int number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = problem == std::errc{} && end == text.data() + text.size();
    return whole && text.size() <= 2 && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Pattern> pattern_named(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto removed = small_number(text.substr(0, colon));
    const auto group = small_number(text.substr(colon + 1));
    if (!removed || !group || *removed < 1 || *removed >= *group || *group > kLargestGroup) {
        return std::nullopt;
    }
    return Pattern{*removed, *group};
}

}  // namespace alphaprune::pruning
