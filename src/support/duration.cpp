#include "alphaprune/support/duration.hpp"

#include <charconv>

namespace alphaprune::support {
namespace {

std::optional<double> whole_number(std::string_view digits) {
    constexpr std::size_t kMostDigits = 9;
    int value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, problem] = std::from_chars(digits.data(), end, value);
    const bool sound = problem == std::errc() && rest == end && digits.size() <= kMostDigits &&
                       digits.front() != '-';
    return sound ? std::optional<double>(value) : std::nullopt;
}

}  // namespace

std::optional<double> seconds_of(std::string_view text) {
    double seconds = 0;
    const std::size_t dash = text.find('-');
    if (dash != std::string_view::npos) {
        constexpr double kDay = 86400;
        const auto days = whole_number(text.substr(0, dash));
        if (!days) {
            return std::nullopt;
        }
        seconds = *days * kDay;
        text.remove_prefix(dash + 1);
    }
    double rest = 0;
    int parts = 0;
    for (bool more = true; more; ++parts) {
        const std::size_t colon = text.find(':');
        const auto part = whole_number(text.substr(0, colon));
        if (!part) {
            return std::nullopt;
        }
        rest = rest * 60 + *part;
        more = colon != std::string_view::npos;
        text.remove_prefix(more ? colon + 1 : text.size());
    }
    const bool complete = parts == 3 || (parts == 2 && dash == std::string_view::npos);
    return complete ? std::optional(seconds + rest) : std::nullopt;
}

}  // namespace alphaprune::support
