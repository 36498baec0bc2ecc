#pragma once

#include <string>
#include <vector>

#include "option_table.hpp"
#include "setting_reader.hpp"

namespace alphaprune::cli {

// What the tables of pruners and allocations mean for the command line.

Choices pruner_choices();
Choices allocation_choices();
/// The rows of both tables as --help explains them.
std::string pruner_help();
std::string allocation_help();

/// The options that belong to one allocation, or to one pruner, alone.
std::vector<OptionSpec> options_of_allocations(std::string_view group,
                                               const std::vector<Command>& commands);
std::vector<OptionSpec> options_of_pruners(std::string_view group,
                                           const std::vector<Command>& commands);

/// "a, b and c" @param last  "and"
std::string listed(const std::vector<std::string_view>& names, std::string_view last);
/// Pruners, and allocations, that look at activations.
std::vector<std::string_view> calibrated_pruners();
std::vector<std::string_view> calibrated_allocations();
/// Pruners for which --ties has an effect.
std::vector<std::string_view> pruners_with_ties();

void read_pruner(const SettingReader& reader, Options& options);
void read_allocation(const SettingReader& reader, Options& options);
/// The values of the options that belong to one method alone.
void read_method_values(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
