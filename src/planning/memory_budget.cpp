#include "alphaprune/planning/memory_budget.hpp"

#include <algorithm>
#include <charconv>

#include "alphaprune/support/machine.hpp"

namespace alphaprune::planning {
namespace {

/// A whole number greater than 0.
std::optional<std::uint64_t> number_in(const support::EnvironmentLookup& environment,
                                       const std::string& variable) {
    const std::optional<std::string> text = environment(variable);
    if (!text) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, problem] = std::from_chars(text->data(), end, number);
    return problem == std::errc{} && stop == end && number > 0 ? std::optional(number)
                                                               : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> slurm_memory_of_node(const support::EnvironmentLookup& environment) {
    constexpr std::uint64_t kMiB = 1U << 20;
    if (const auto of_node = number_in(environment, "SLURM_MEM_PER_NODE")) {
        return *of_node * kMiB;
    }
    const auto of_core = number_in(environment, "SLURM_MEM_PER_CPU");
    const auto cores = number_in(environment, "SLURM_CPUS_ON_NODE");
    return of_core && cores ? std::optional(*of_core * *cores * kMiB) : std::nullopt;
}

std::uint64_t memory_of_each_rank(const parallel::Communicator& ranks,
                                  const support::EnvironmentLookup& environment) {
    const auto neighbours = static_cast<std::uint64_t>(ranks.split_by_node().size());
    ranks.barrier();  // nobody takes any before all have looked
    std::uint64_t left = support::available_memory();
    if (const auto granted = slurm_memory_of_node(environment)) {
        left = std::min(left, *granted);
    }
    left /= neighbours;
    return ranks.min(std::min(left, support::address_space_left().value_or(left)));
}

}  // namespace alphaprune::planning
