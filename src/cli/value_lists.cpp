#include "value_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "alphaprune/support/number.hpp"

namespace alphaprune::cli {
namespace {

std::vector<std::string> split_at(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

/// Digits behind the point; nothing for a number that is written in another way, as in 1e-3.
std::optional<int> decimals_of(std::string_view number) {
    if (number.find_first_not_of("0123456789.") != std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t point = number.find('.');
    return point == std::string_view::npos ? 0 : static_cast<int>(number.size() - point - 1);
}

}  // namespace

std::vector<std::string> parts_of(std::string_view list) {
    return split_at(list, ',');
}

std::optional<std::vector<std::string>> range_of(std::string_view text) {
    const std::vector<std::string> parts = split_at(text, ':');
    if (parts.size() != 3) {
        return std::nullopt;
    }
    double numbers[3] = {};
    int decimals = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto number = support::number_in<double>(parts[i]);
        const auto digits = decimals_of(parts[i]);
        if (!number || !digits) {
            return std::nullopt;
        }
        numbers[i] = *number;
        decimals = std::max(decimals, *digits);
    }
    const auto [first, last, step] = std::tuple(numbers[0], numbers[1], numbers[2]);
    const double steps = step > 0 ? std::floor((last - first) / step + 1e-9) : -1;
    if (!(steps >= 0 && steps < kMostValues)) {
        return std::nullopt;
    }
    std::vector<std::string> values;
    for (int i = 0; i <= static_cast<int>(steps); ++i) {
        std::string value = fmt::format("{:.{}f}", first + i * step, decimals);
        if (value.find('.') != std::string::npos) {  // 0.10 is 0.1
            value.erase(value.find_last_not_of('0') + 1);
            value.erase(value.find_last_not_of('.') + 1);
        }
        values.push_back(std::move(value));
    }
    return values;
}

std::optional<std::vector<std::string>> numbers_of(std::string_view list) {
    std::vector<std::string> values;
    for (const std::string& part : parts_of(list)) {
        std::vector<std::string> some{part};
        if (part.find(':') != std::string::npos) {
            auto range = range_of(part);
            if (!range) {
                return std::nullopt;
            }
            some = std::move(*range);
        }
        for (std::string& value : some) {
            if (std::ranges::find(values, value) == values.end()) {
                values.push_back(std::move(value));
            }
        }
    }
    return values;
}

}  // namespace alphaprune::cli
