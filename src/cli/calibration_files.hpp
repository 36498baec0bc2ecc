#pragma once

#include <string>
#include <vector>

#include "setting_reader.hpp"

namespace alphaprune::cli {

/// The values of --calibration: FILE, or FILE:WEIGHT. One that is the whole name of a file that
/// exists is taken as it is, and so is one whose last colon is followed by no number and preceded
/// by no file. Wrong weights and files that are given twice go to the faults.
std::vector<CalibrationFile> calibration_files(const SettingReader& reader);

/// The value of the setting that means these files wherever it is read, even where a file whose
/// name ends in a colon and a number does not exist.
std::string value_of(const std::vector<CalibrationFile>& files);

}  // namespace alphaprune::cli
