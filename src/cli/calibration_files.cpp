#include "calibration_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string, std::string, std::string> kWeight{
    "cli.calibration-weight", "--calibration {}: the weight '{}' is not a number above 0",
    "what follows the last colon is the share of the file, in proportion to those of the others",
    "write FILE:WEIGHT, as in {2}:2 or {2}:0.5, or {2} alone, which has the weight 1"};
const BadRequest<std::string> kFileTwice{
    "cli.calibration-file-twice", "--calibration names {} twice",
    "the same sequences would be drawn from it again",
    "name it once, with a weight if it is to give more than others, as in {0}:2"};

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

/// Nothing where the weight is wrong.
std::optional<CalibrationFile> file_in(const SettingReader& reader, const std::string& value) {
    const std::size_t colon = value.rfind(':');
    if (colon == std::string::npos || colon == 0 || exists(value)) {
        return CalibrationFile{value, 1};
    }
    const std::string file = value.substr(0, colon);
    const std::string text = value.substr(colon + 1);
    const auto weight = support::number_in<double>(text);
    if (!weight && !exists(file)) {
        return CalibrationFile{value, 1};
    }
    if (!weight || !std::isfinite(*weight) || *weight <= 0) {
        reader.faults().add(kWeight(reader.find("calibration")->origin, value, text, file));
        return std::nullopt;
    }
    return CalibrationFile{file, *weight};
}

}  // namespace

std::vector<CalibrationFile> calibration_files(const SettingReader& reader) {
    std::vector<CalibrationFile> files;
    for (const std::string& value : reader.values("calibration")) {
        const auto file = file_in(reader, value);
        if (file && std::ranges::count(files, file->path, &CalibrationFile::path) > 0) {
            reader.faults().add(
                kFileTwice(reader.find("calibration")->origin, file->path.string()));
        } else if (file) {
            files.push_back(*file);
        }
    }
    return files;
}

std::string value_of(const std::vector<CalibrationFile>& files) {
    std::string value;
    for (const CalibrationFile& file : files) {
        const std::string path = file.path.string();
        const bool is_plain = file.weight == 1 && path.find(':') == std::string::npos;
        value += value.empty() ? "" : std::string(1, kBetweenValues);
        value += is_plain ? path : fmt::format("{}:{}", path, file.weight);
    }
    return value;
}

}  // namespace alphaprune::cli
