#include "alphaprune/support/clock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "alphaprune/support/number.hpp"

namespace alphaprune::support {
namespace {

std::optional<double> whole_number(std::string_view digits) {
    constexpr std::size_t kMostDigits = 9;
    const auto value = number_in<int>(digits);
    const bool sound = value && digits.size() <= kMostDigits && digits.front() != '-';
    return sound ? std::optional<double>(*value) : std::nullopt;
}

}  // namespace

std::string utc_timestamp() {
    std::time_t now = std::time(nullptr);
    if (const char* fixed = std::getenv("SOURCE_DATE_EPOCH")) {
        now = static_cast<std::time_t>(std::strtoll(fixed, nullptr, 10));
    }
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string human_duration(double seconds) {
    if (seconds < 10) {
        return fmt::format("{:.1f} s", seconds);
    }
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    }
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

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
