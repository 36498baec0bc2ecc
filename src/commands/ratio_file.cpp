#include "ratio_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>
#include <string>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::commands {
namespace {

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
    double value = 0;
    const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (problem != std::errc{} || end != cell.data() + cell.size()) {
        throw support::bad_request(fmt::format("'{}' is not a number", cell), path.string(),
                                   "give one number for every prunable matrix");
    }
    return value;
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
            faults.add(fmt::format("no ratio for the matrix {}", catalogue.name_of(matrix)),
                       path.string(), "give one line for every prunable matrix");
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
        throw support::bad_request(fmt::format("{} values for {} prunable matrices", values.size(),
                                               catalogue.matrices.size()),
                                   path.string(),
                                   "give one value for every prunable matrix, in order");
    }
    const auto bad = std::ranges::find_if_not(values, [](double v) { return std::isfinite(v); });
    if (bad != values.end()) {
        throw support::bad_request(fmt::format("value {} of {} is NaN or infinite",
                                               bad - values.begin() + 1, values.size()),
                                   path.string(),
                                   "give one finite value for every prunable matrix");
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
