#include "alphaprune/model/name_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace alphaprune::model {
namespace {

constexpr std::size_t kShown = 6;

}  // namespace

std::string list_names(std::span<const std::string> names) {
    // A single further name is as short as "and 1 more".
    if (names.size() <= kShown + 1) {
        return fmt::format("{}", fmt::join(names, ", "));
    }
    return fmt::format("{} and {} more", fmt::join(names.first(kShown), ", "),
                       names.size() - kShown);
}

std::string list_numbers(const std::set<std::int64_t>& numbers) {
    std::vector<std::string> ranges;
    for (auto first = numbers.begin(); first != numbers.end();) {
        auto last = first;
        while (std::next(last) != numbers.end() && *std::next(last) == *last + 1) {
            ++last;
        }
        ranges.push_back(first == last ? fmt::format("{}", *first)
                                       : fmt::format("{}-{}", *first, *last));
        first = std::next(last);
    }
    return list_names(ranges);
}

}  // namespace alphaprune::model
