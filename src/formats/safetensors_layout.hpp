#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/formats/safetensors.hpp"
#include "capped_faults.hpp"

namespace alphaprune::formats {

/// Checks that the tensors' bytes follow each other from `data_begin` to the end of the file
/// without hole, overlap or excess.
/// @param tensors   sorted by (begin, end)
/// @param complete  whether these are all of the file's tensors: only then is a gap a fault
void check_layout(std::span<const SafetensorsEntry> tensors, bool complete,
                  std::uint64_t data_begin, std::uint64_t file_size, CappedFaults& faults);

}  // namespace alphaprune::formats
