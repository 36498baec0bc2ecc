#include "setting_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;
using Text = std::string;

const BadRequest<Text, Text, Text> kLaterVersion{
    "cli.value-of-a-later-version", "--{} {} is not available in this version",
    "the value is planned for a later version", "choose one of {2}"};
const BadRequest<Text, Text, Text, Text> kWrongChoice{
    "cli.wrong-choice", "--{} cannot be '{}'",
    "the value is misspelled, or belongs to another option", "{2}choose one of {3}"};
const BadRequest<Text, Text, Text, Text> kUnreadable{
    "cli.unreadable-value", "--{} '{}' is not {}",
    "the value has characters that do not belong there, or is larger or smaller than is possible",
    "write it as in {3}"};
const BadRequest<Text, Text, Text, Text> kOutOfRange{
    "cli.out-of-range", "--{} {} is not {}",
    "the value makes no sense: a percentage instead of a share, perhaps, or a wrong sign",
    "give a number {2}{3}"};
const BadRequest<Text> kEmpty{"cli.empty-value", "--{} is empty",
                              "often a shell variable that is not set, as in --output \"$OUTPUT\"",
                              "write --{0} VALUE"};
const BadRequest<std::string_view, std::string_view> kMissing{
    "cli.missing-option", "--{} is missing", "the command cannot do without it",
    "give {1} with --{0}"};

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

std::optional<std::uint64_t> bytes_in(std::string_view text) {
    constexpr double kLargest = 1e18;
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = support::number_in<double>(text.substr(0, end));
    const auto unit = bytes_of_unit(text.substr(end));
    const double bytes = number && unit ? *number * *unit : 0;
    return bytes >= 1 && bytes <= kLargest ? std::optional(static_cast<std::uint64_t>(bytes))
                                           : std::nullopt;
}

/// The value of an option as `parse` reads it; nothing when it is not given, or refused.
template <class Parse>
auto read(const SettingReader& reader, std::string_view name, const char* what, const char* example,
          Parse parse) -> decltype(parse(name)) {
    const Setting* setting = reader.find(name);
    if (setting == nullptr) {
        return std::nullopt;
    }
    const auto value = parse(setting->value);
    if (!value) {
        reader.faults().add(
            kUnreadable(setting->origin, setting->name, setting->value, what, example));
    }
    return value;
}

}  // namespace

std::optional<std::size_t> SettingReader::index_of(const Setting& setting,
                                                   const Choices& choices) const {
    const std::string value = canonical_value(setting.value);
    const auto found = std::ranges::find(choices.names, value);
    if (found != choices.names.end()) {
        return static_cast<std::size_t>(found - choices.names.begin());
    }
    const std::string all = fmt::format("{}", fmt::join(choices.names, ", "));
    const bool later = std::ranges::any_of(
        choices.later, [&](std::string_view name) { return canonical_value(name) == value; });
    if (later) {
        faults_.add(kLaterVersion(setting.origin, setting.name, setting.value, all));
    } else {
        refuse(setting, all, nearest(value, choices.names));
    }
    return std::nullopt;
}

void SettingReader::refuse(const Setting& setting, const std::string& choices,
                           std::string_view meant) const {
    faults_.add(kWrongChoice(setting.origin, setting.name, setting.value,
                             meant.empty() ? "" : fmt::format("did you mean {}? ", meant),
                             choices));
}

void SettingReader::note_values(std::string_view name, const Choices& choices) const {
    if (request_.values != nullptr) {
        (*request_.values)[std::string(name)].assign(choices.names.begin(), choices.names.end());
    }
}

std::optional<std::size_t> SettingReader::choice(std::string_view name,
                                                 const Choices& choices) const {
    note_values(name, choices);
    const Setting* setting = find(name);
    return setting != nullptr ? index_of(*setting, choices) : std::nullopt;
}

std::vector<std::size_t> SettingReader::choices(std::string_view name,
                                                const Choices& choices) const {
    note_values(name, choices);
    std::vector<std::size_t> chosen;
    for (const std::string& value : values(name)) {
        Setting one = *find(name);
        one.value = value;
        if (const auto index = index_of(one, choices)) {
            chosen.push_back(*index);
        }
    }
    return chosen;
}

bool SettingReader::on(std::string_view name) const {
    constexpr std::array kYes{"true", "yes", "on", "1"};
    constexpr std::array kNo{"false", "no", "off", "0"};
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return false;
    }
    const auto is = [&](const char* word) { return setting->value == word; };
    const bool yes = std::ranges::any_of(kYes, is);
    if (!yes && std::ranges::none_of(kNo, is)) {
        refuse(*setting, "true, false");
    }
    return yes;
}

std::optional<double> SettingReader::number(std::string_view name) const {
    return read(*this, name, "a number", "0.7", [](std::string_view text) {
        const auto value = support::number_in<double>(text);
        return value && std::isfinite(*value) ? value : std::nullopt;
    });
}

std::optional<int> SettingReader::count(std::string_view name) const {
    return read(*this, name, "a whole number of at least 1", "4", [](std::string_view text) {
        const auto value = support::number_in<int>(text);
        return value && *value >= 1 ? value : std::nullopt;
    });
}

std::optional<std::uint64_t> SettingReader::seed(std::string_view name) const {
    return read(*this, name, "a whole number from 0 to 2^64 - 1", "7",
                support::number_in<std::uint64_t>);
}

std::optional<double> SettingReader::within(std::string_view name, std::string_view range,
                                            const std::function<bool(double)>& in_range,
                                            std::string_view hint) const {
    const auto value = number(name);
    if (!value || in_range(*value)) {
        return value;
    }
    const Setting& setting = *find(name);
    faults_.add(kOutOfRange(setting.origin, setting.name, setting.value, Text(range), Text(hint)));
    return std::nullopt;
}

std::optional<std::uint64_t> SettingReader::size(std::string_view name) const {
    return read(*this, name, "an amount of memory", "4GiB or 3900MB", bytes_in);
}

std::optional<double> SettingReader::duration(std::string_view name) const {
    constexpr auto kExamples = "03:30:00 or, with days, 1-12:00:00";
    return read(*this, name, "a length of time", kExamples, [](std::string_view text) {
        const auto seconds = support::seconds_of(text);
        return seconds && *seconds > 0 ? seconds : std::nullopt;
    });
}

std::filesystem::path SettingReader::path(std::string_view name) const {
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return {};
    }
    if (setting->value.empty()) {
        faults_.add(kEmpty(setting->origin, setting->name));
    }
    return setting->value;
}

void SettingReader::require(std::string_view name, std::string_view what) const {
    if (find(name) == nullptr) {
        faults_.add(kMissing(kCommandLine, name, what));
    }
}

std::filesystem::path SettingReader::needed_path(std::string_view name,
                                                 std::string_view what) const {
    require(name, what);
    return path(name);
}

std::vector<std::string> SettingReader::values(std::string_view name) const {
    std::vector<std::string> all;
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return all;
    }
    for (std::string_view rest = setting->value; true;) {
        const std::size_t end = rest.find(kBetweenValues);
        all.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(end + 1);
    }
    if (setting->value.empty() || std::ranges::find(all, std::string()) != all.end()) {
        faults_.add(kEmpty(setting->origin, setting->name));
    }
    std::erase(all, std::string());
    return all;
}

}  // namespace alphaprune::cli
