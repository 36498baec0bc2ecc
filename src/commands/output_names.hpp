#pragma once

#include <array>
#include <string_view>

namespace alphaprune::commands {

// What a run calls its files and folders in the output. (The journal has a name of its own.)
inline constexpr std::string_view kReportName = "report.json";
inline constexpr std::string_view kReportHtmlName = "report.html";
inline constexpr std::string_view kMatricesName = "matrices.csv";
inline constexpr std::string_view kCheckpointName = "checkpoint.h5";
inline constexpr std::string_view kMetricsName = "metrics";
inline constexpr std::string_view kFolderName = "hf";
inline constexpr std::string_view kLogName = "run.log";
inline constexpr std::string_view kStopName = "stop";

/// Those that a finished run leaves.
inline constexpr std::array kResultNames{kReportName,     kReportHtmlName, kMatricesName,
                                         kCheckpointName, kMetricsName,    kFolderName};

}  // namespace alphaprune::commands
