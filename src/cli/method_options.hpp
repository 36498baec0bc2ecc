#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "setting_reader.hpp"

namespace alphaprune::cli {

// What the tables of pruners and allocations mean for the command line.

Choices pruner_choices();
Choices allocation_choices();
/// "a, b and c" @param last  "and"
std::string listed(const std::vector<std::string_view>& names, std::string_view last);
/// The names of those pruners, or allocations, that have a property.
template <class Method, class Property>
std::vector<std::string_view> names_where(std::span<const Method> table, Property property) {
    std::vector<std::string_view> names;
    for (const Method& method : table) {
        if (std::invoke(property, method)) {
            names.push_back(method.name);
        }
    }
    return names;
}
/// Those that look at activations.
inline std::vector<std::string_view> calibrated_pruners() {
    return names_where(pruning::pruners(), &pruning::Pruner::needs_activations);
}
inline std::vector<std::string_view> calibrated_allocations() {
    return names_where(allocation::allocations(), &allocation::AllocationMethod::needs_activations);
}

/// How much is pruned where, and how: allocation, metric, ratios, method, pattern, ties. A fixed
/// N:M pattern leaves nothing to allocate: every matrix then has the ratio N/M.
void read_pruning_options(const SettingReader& reader, Options& options);

/// Calibration and evaluation data.
/// @pre  allocation and pruning method have been read
void read_token_options(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
