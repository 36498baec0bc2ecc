#include "setting_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace alphaprune::cli {

std::optional<std::size_t> SettingReader::choice(std::string_view name,
                                                 const Choices& choices) const {
    const Setting* setting = find(name);
    return setting != nullptr ? read_choice(*setting, choices, faults_) : std::nullopt;
}

bool SettingReader::on(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr && read_switch(*setting, faults_).value_or(false);
}

std::optional<int> SettingReader::count(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr ? read_positive_count(*setting, faults_) : std::nullopt;
}

std::optional<double> SettingReader::rate(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr ? read_positive_number(*setting, faults_) : std::nullopt;
}

std::optional<std::uint64_t> SettingReader::size(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr ? read_size(*setting, faults_) : std::nullopt;
}

std::optional<double> SettingReader::duration(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr ? read_duration(*setting, faults_) : std::nullopt;
}

std::filesystem::path SettingReader::path(std::string_view name) const {
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return {};
    }
    if (setting->value.empty()) {
        faults_.add(fmt::format("--{} is empty", setting->name), setting->origin,
                    "name a file or folder");
    }
    return setting->value;
}

std::filesystem::path SettingReader::needed_path(std::string_view name,
                                                 std::string_view what) const {
    if (find(name) == nullptr) {
        faults_.add(fmt::format("--{} is missing", name), "command line",
                    fmt::format("give {} with --{}", what, name));
    }
    return path(name);
}

std::vector<std::string> SettingReader::values(std::string_view name) const {
    std::vector<std::string> all;
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return all;
    }
    for (const auto part : std::views::split(setting->value, kBetweenValues)) {
        all.emplace_back(part.begin(), part.end());
    }
    if (setting->value.empty() || std::ranges::find(all, std::string()) != all.end()) {
        faults_.add(fmt::format("--{} is empty", name), setting->origin,
                    fmt::format("write --{} VALUE", name));
    }
    std::erase(all, std::string());
    return all;
}

bool SettingReader::share(std::string_view name, bool (*in_range)(double), std::string_view range,
                          double& share) const {
    const Setting* setting = find(name);
    if (setting == nullptr) {
        return true;
    }
    const auto value = read_number(*setting, faults_);
    if (value && in_range(*value)) {
        share = *value;
        return true;
    }
    if (value) {
        faults_.add(fmt::format("--{} {} is not {}", name, setting->value, range), setting->origin,
                    "it is a share of one: for 70 % write 0.7");
    }
    return false;
}

}  // namespace alphaprune::cli
