#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/cli/option_sources.hpp"

namespace alphaprune::cli {

/// Values of which an option takes one. Dashes and underscores between the words are the same.
struct Choices {
    std::vector<std::string_view> names;
    std::vector<std::string_view> later;  ///< part of the contract, not of this version
};

/// The value of a choice with underscores between its words; a path after a colon stays as it is.
std::string canonical_value(std::string_view written);

/// Each of these reads a value, or adds to `faults` why it cannot and returns nothing.
std::optional<std::size_t> read_choice(const Setting& setting, const Choices& choices,
                                       support::FaultList& faults);
/// A finite number and nothing else.
std::optional<double> read_number(const Setting& setting, support::FaultList& faults);
/// A whole number of at least 1.
std::optional<int> read_positive_count(const Setting& setting, support::FaultList& faults);
/// A number greater than 0.
std::optional<double> read_positive_number(const Setting& setting, support::FaultList& faults);
/// An amount of memory: a number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB, or
/// K, M, G, T (powers of 1024); without a unit, bytes.
std::optional<std::uint64_t> read_size(const Setting& setting, support::FaultList& faults);
/// A length of time as HH:MM:SS or D-HH:MM:SS, in seconds, greater than 0.
std::optional<double> read_duration(const Setting& setting, support::FaultList& faults);
std::optional<bool> read_switch(const Setting& setting, support::FaultList& faults);

}  // namespace alphaprune::cli
