#include "option_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "alphaprune/support/duration.hpp"
#include "suggestion.hpp"

namespace alphaprune::cli {
namespace {

/// The whole text as a number, or nothing.
template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, value);
    return problem == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

/// Bytes in a unit of memory; nothing for an unknown one.
std::optional<double> bytes_of_unit(std::string_view unit) {
    constexpr std::string_view kPrefixes = "KMGT";
    if (unit.empty() || unit == "B") {
        return 1;
    }
    const auto power = kPrefixes.find(static_cast<char>(std::toupper(unit.front())));
    const std::string_view rest = unit.substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "B" && rest != "iB")) {
        return std::nullopt;
    }
    return std::pow(rest == "B" ? 1000.0 : 1024.0, static_cast<double>(power + 1));
}

}  // namespace

std::string canonical_value(std::string_view written) {
    std::string value(written);
    std::replace(
        value.begin(),
        value.begin() + static_cast<std::ptrdiff_t>(std::min(value.find(':'), value.size())), '-',
        '_');
    return value;
}

std::optional<std::size_t> read_choice(const Setting& setting, const Choices& choices,
                                       support::FaultList& faults) {
    const std::string value = canonical_value(setting.value);
    const auto found = std::ranges::find(choices.names, value);
    if (found != choices.names.end()) {
        return static_cast<std::size_t>(found - choices.names.begin());
    }
    const bool later = std::ranges::any_of(
        choices.later, [&](std::string_view name) { return canonical_value(name) == value; });
    if (later) {
        faults.add(
            fmt::format("--{} {} is not available in this version", setting.name, setting.value),
            setting.origin, fmt::format("this version has {}", fmt::join(choices.names, ", ")));
        return std::nullopt;
    }
    const std::string_view meant = nearest(value, choices.names);
    faults.add(fmt::format("--{} cannot be '{}'", setting.name, setting.value), setting.origin,
               meant.empty() || choices.names.size() == 1
                   ? fmt::format("it is one of {}", fmt::join(choices.names, ", "))
                   : fmt::format("did you mean {}? It is one of {}", meant,
                                 fmt::join(choices.names, ", ")));
    return std::nullopt;
}

std::optional<double> read_number(const Setting& setting, support::FaultList& faults) {
    const auto value = number_in<double>(setting.value);
    if (value && std::isfinite(*value)) {
        return value;
    }
    faults.add(fmt::format("--{} '{}' is not a number", setting.name, setting.value),
               setting.origin, "write digits and a decimal point, as in 0.7");
    return std::nullopt;
}

std::optional<int> read_positive_count(const Setting& setting, support::FaultList& faults) {
    const auto value = number_in<int>(setting.value);
    if (value && *value >= 1) {
        return value;
    }
    faults.add(
        fmt::format("--{} '{}' is not a whole number of at least 1", setting.name, setting.value),
        setting.origin, "write digits alone, as in 4");
    return std::nullopt;
}

std::optional<double> read_positive_number(const Setting& setting, support::FaultList& faults) {
    const auto value = read_number(setting, faults);
    if (value && *value <= 0) {
        faults.add(fmt::format("--{} {} is not greater than 0", setting.name, setting.value),
                   setting.origin, "write a number greater than 0");
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> read_size(const Setting& setting, support::FaultList& faults) {
    constexpr double kLargest = 1e18;
    const std::string& text = setting.value;
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = number_in<double>(std::string_view(text).substr(0, end));
    const auto unit = bytes_of_unit(std::string_view(text).substr(end));
    if (number && unit && *number * *unit >= 1 && *number * *unit <= kLargest) {
        return static_cast<std::uint64_t>(*number * *unit);
    }
    faults.add(fmt::format("--{} '{}' is no amount of memory", setting.name, text), setting.origin,
               "write a number and a unit, as in 4GiB or 3900MB");
    return std::nullopt;
}

std::optional<double> read_duration(const Setting& setting, support::FaultList& faults) {
    if (const auto seconds = support::seconds_of(setting.value); seconds && *seconds > 0) {
        return seconds;
    }
    faults.add(
        fmt::format("--{} '{}' is no length of time", setting.name, setting.value), setting.origin,
        "write hours, minutes and seconds, as in 03:30:00, or days before them, as in 1-12:00:00");
    return std::nullopt;
}

std::optional<bool> read_switch(const Setting& setting, support::FaultList& faults) {
    constexpr std::array kYes{"true", "yes", "on", "1"};
    constexpr std::array kNo{"false", "no", "off", "0"};
    const auto is = [&](const char* word) { return setting.value == word; };
    if (std::ranges::any_of(kYes, is)) {
        return true;
    }
    if (std::ranges::any_of(kNo, is)) {
        return false;
    }
    faults.add(fmt::format("--{} cannot be '{}'", setting.name, setting.value), setting.origin,
               "it is true or false");
    return std::nullopt;
}

}  // namespace alphaprune::cli
