#include "option_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "suggestion.hpp"

namespace alphaprune {
namespace {

/// The whole text as a number, or nothing.
template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, value);
    return problem == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string canonical_value(std::string_view written) {
    std::string value(written);
    if (!value.starts_with("file:")) {
        std::ranges::replace(value, '-', '_');
    }
    return value;
}

std::optional<std::size_t> read_choice(const Setting& setting, const Choices& choices,
                                       FaultList& faults) {
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

std::optional<double> read_number(const Setting& setting, FaultList& faults) {
    const auto value = number_in<double>(setting.value);
    if (value && std::isfinite(*value)) {
        return value;
    }
    faults.add(fmt::format("--{} '{}' is not a number", setting.name, setting.value),
               setting.origin, "write digits and a decimal point, as in 0.7");
    return std::nullopt;
}

std::optional<int> read_positive_count(const Setting& setting, FaultList& faults) {
    const auto value = number_in<int>(setting.value);
    if (value && *value >= 1) {
        return value;
    }
    faults.add(
        fmt::format("--{} '{}' is not a whole number of at least 1", setting.name, setting.value),
        setting.origin, "write digits alone, as in 4");
    return std::nullopt;
}

std::optional<bool> read_switch(const Setting& setting, FaultList& faults) {
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

}  // namespace alphaprune
