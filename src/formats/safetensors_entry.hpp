#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "header_checks.hpp"

namespace alphaprune::formats {

/// What the header's JSON says of one tensor. Everything wrong with it is added to `faults`.
/// @param data_begin  where in the file the tensors' bytes start
/// @return nothing when the tensor has no place in the file; with other faults only name and place
///         can be relied upon
std::optional<SafetensorsEntry> parse_entry(std::string_view name, const Json& description,
                                            std::uint64_t data_begin, CappedFaults& faults);

}  // namespace alphaprune::formats
