#include "block_names.hpp"

#include <charconv>

namespace alphaprune::model {
namespace {

constexpr std::size_t kMaxDigits = 9;
/// Of a name; real ones have two or three. One of a megabyte full of them must not cost minutes.
constexpr std::size_t kMaxNumbers = 8;

/// Decimal as a program writes it: no sign, no leading zero.
std::optional<std::int64_t> plain_number(std::string_view text) {
    const bool digits = !text.empty() && text.size() <= kMaxDigits &&
                        text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

std::optional<NumberedName> after_prefix(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) {
        return std::nullopt;
    }
    const std::size_t dot = name.find('.', prefix.size());
    if (dot == std::string_view::npos || dot + 1 == name.size()) {
        return std::nullopt;
    }
    const auto number = plain_number(name.substr(prefix.size(), dot - prefix.size()));
    if (!number) {
        return std::nullopt;
    }
    return NumberedName{name.substr(0, prefix.size()), *number, name.substr(dot + 1)};
}

std::optional<std::int64_t> block_of(std::string_view name, const BlockStack& blocks) {
    const auto part = after_prefix(name, blocks.prefix);
    return part && part->number < blocks.count ? std::optional(part->number) : std::nullopt;
}

std::vector<NumberedName> numbered_parts(std::string_view name) {
    std::vector<NumberedName> parts;
    for (std::size_t dot = name.find('.');
         dot != std::string_view::npos && parts.size() < kMaxNumbers;
         dot = name.find('.', dot + 1)) {
        if (const auto part = after_prefix(name, name.substr(0, dot + 1))) {
            parts.push_back(*part);
        }
    }
    return parts;
}

}  // namespace alphaprune::model
