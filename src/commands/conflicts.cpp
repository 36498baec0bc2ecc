#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "option_values.hpp"
#include "request.hpp"

namespace alphaprune {
namespace {

/// `option` has an effect only where `governor`, or its default, has one of some values.
struct Dependence {
    std::string_view option;
    std::string_view governor;
    std::string_view governor_default;
    bool (*has_effect)(std::string_view governor_value);
    std::string_view remedy;
};

bool follows_metric(std::string_view allocation) {
    return allocation == "alphapruning";
}

bool has_band(std::string_view allocation) {
    return allocation == "alphapruning" || allocation == "linear_depth";
}

bool is_computed(std::string_view allocation) {
    return !allocation.starts_with("file:");
}

bool uses_groups(std::string_view solver) {
    return solver != "auto" && !solver.starts_with("lapack");
}

constexpr std::string_view kOneOfTwo = "leave one of the two out";

constexpr std::array<Dependence, 7> kDependences{{
    {"metric", "allocation", "alphapruning", follows_metric, kOneOfTwo},
    {"metric-cache", "allocation", "alphapruning", follows_metric, kOneOfTwo},
    {"mapping-type", "allocation", "alphapruning", follows_metric, kOneOfTwo},
    {"epsilon", "allocation", "alphapruning", has_band, kOneOfTwo},
    {"max-sparsity", "allocation", "alphapruning", is_computed, kOneOfTwo},
    {"sparsity-ratio", "allocation", "alphapruning", is_computed, kOneOfTwo},
    {"group-ranks", "solver", "auto", uses_groups,
     "choose a solver that works on groups: elpa1, elpa2 or scalapack"},
}};

}  // namespace

void settle_conflicts(Request& request, FaultList& faults) {
    for (const Dependence& rule : kDependences) {
        const Setting* option = request.find(rule.option);
        const Setting* governor = request.find(rule.governor);
        const std::string chosen = governor != nullptr ? canonical_value(governor->value)
                                                       : std::string(rule.governor_default);
        if (option == nullptr || request.command == Command::verify || rule.has_effect(chosen) ||
            (rule.option == "group-ranks" && option->value == "1")) {
            continue;
        }
        if (governor != nullptr && option->source > governor->source) {
            request.settings.erase(std::string(rule.option));
        } else {
            faults.add(
                fmt::format("--{} has no effect with --{} {}", rule.option, rule.governor, chosen),
                option->origin, std::string(rule.remedy));
        }
    }
}

}  // namespace alphaprune
