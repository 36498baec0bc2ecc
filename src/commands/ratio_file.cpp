#include "inputs.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"

namespace alphaprune::commands {
namespace {

using support::BadRequest;

const BadRequest<std::string> kNotANumber{
    "commands.ratio-not-a-number", "'{}' is not a number",
    "a cell in the file of --allocation file:PATH holds other characters than those of a number",
    "give one number for every prunable matrix"};
const BadRequest<std::string> kNoRatio{"commands.matrix-without-ratio",
                                       "no ratio for the matrix {}",
                                       "the file was made for another model, or for fewer blocks",
                                       "give one line for every prunable matrix"};
const BadRequest<std::size_t, std::size_t> kWrongCount{
    "commands.values-per-matrix", "{} values for {} prunable matrices",
    "the file was made for another model, or for other blocks",
    "give one value for every prunable matrix, in order"};
const BadRequest<std::ptrdiff_t, std::size_t> kNotFinite{
    "commands.value-not-finite", "value {} of {} is NaN or infinite",
    "the run that wrote the file had undefined metrics, or the file is damaged",
    "give one finite value for every prunable matrix"};

std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) {
        std::erase_if(cell, [](char c) { return c == '\r' || c == '"' || c == ' '; });
        cells.push_back(std::move(cell));
    }
    return cells;
}

std::vector<std::vector<std::string>> rows_of(const std::filesystem::path& path) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream text(support::read_text(path));
    for (std::string line; std::getline(text, line);) {
        if (auto cells = cells_of(line); !cells.empty()) {
            rows.push_back(std::move(cells));
        }
    }
    return rows;
}

double number_in(const std::string& cell, const std::filesystem::path& path) {
    const auto value = support::number_in<double>(cell);
    return value ? *value : throw kNotANumber(path.string(), cell);
}

std::vector<double> by_name(const std::vector<std::vector<std::string>>& rows,
                            std::size_t name_column, std::size_t value_column,
                            const std::filesystem::path& path, const model::Catalogue& catalogue) {
    std::map<std::string, double> values;
    for (const auto& row : rows) {
        if (row.size() > std::max(name_column, value_column)) {
            values[row[name_column]] = number_in(row[value_column], path);
        }
    }
    std::vector<double> ratios;
    support::FaultList faults;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        const auto found = values.find(catalogue.name_of(matrix));
        if (found == values.end()) {
            faults.add(kNoRatio(path.string(), catalogue.name_of(matrix)));
        } else {
            ratios.push_back(found->second);
        }
    }
    faults.throw_if_any();
    return ratios;
}

std::vector<double> read_csv(const std::filesystem::path& path, const model::Catalogue& catalogue) {
    auto rows = rows_of(path);
    if (!rows.empty()) {
        const auto& header = rows.front();
        const auto name = std::ranges::find(header, "name");
        const auto value = std::ranges::find(header, "sparsity_ratio");
        if (name != header.end() && value != header.end()) {
            const auto name_column = static_cast<std::size_t>(name - header.begin());
            const auto value_column = static_cast<std::size_t>(value - header.begin());
            rows.erase(rows.begin());
            return by_name(rows, name_column, value_column, path, catalogue);
        }
    }
    std::vector<double> values;
    for (const auto& row : rows) {
        values.push_back(number_in(row.front(), path));
    }
    return values;
}

void require_one_per_matrix(const std::vector<double>& values, const std::filesystem::path& path,
                            const model::Catalogue& catalogue) {
    if (values.size() != catalogue.matrices.size()) {
        throw kWrongCount(path.string(), values.size(), catalogue.matrices.size());
    }
    const auto bad = std::ranges::find_if_not(values, [](double v) { return std::isfinite(v); });
    if (bad != values.end()) {
        throw kNotFinite(path.string(), bad - values.begin() + 1, values.size());
    }
}

}  // namespace

std::vector<double> read_ratio_file(const std::filesystem::path& path,
                                    const model::Catalogue& catalogue) {
    std::vector<double> ratios = path.extension() == ".npy" ? formats::read_npy_numbers(path).values
                                                            : read_csv(path, catalogue);
    require_one_per_matrix(ratios, path, catalogue);
    return ratios;
}

std::vector<double> read_metric_cache(const std::filesystem::path& path,
                                      const model::Catalogue& catalogue) {
    std::vector<double> values = formats::read_npy_numbers(path).values;
    require_one_per_matrix(values, path, catalogue);
    for (double& value : values) {
        value = spectrum::rounded(value);
    }
    return values;
}

}  // namespace alphaprune::commands
