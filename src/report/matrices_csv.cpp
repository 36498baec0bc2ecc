#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"

namespace alphaprune::report {
namespace {

/// Quoted as RFC 4180 asks when the text holds a separator, a quote or a line end.
std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string cell = "\"";
    for (const char c : text) {
        cell += c;
        if (c == '"') {
            cell += c;
        }
    }
    return cell + '"';
}

/// The shortest text that reads back as the same number; empty when undefined.
std::string csv_cell(double value) {
    return std::isfinite(value) ? fmt::format("{}", value) : "";
}

std::string csv_header() {
    std::string line = "name,block,rows,cols";
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        line += fmt::format(",{}", spectrum::name_of(static_cast<spectrum::Metric>(m)));
    }
    return line +
           ",sparsity_ratio,zeros,sparsity,solver,group_ranks,seconds,iterations,relative_error\n";
}

std::string csv_line(const MatrixReport& matrix) {
    std::string line =
        fmt::format("{},{},{},{}", csv_cell(matrix.name), matrix.block, matrix.rows, matrix.cols);
    for (const double value : matrix.metrics.values) {
        line += fmt::format(",{}", matrix.has_metrics ? csv_cell(value) : "");
    }
    line += fmt::format(",{}", matrix.sparsity_ratio ? csv_cell(*matrix.sparsity_ratio) : "");
    line += matrix.zeros ? fmt::format(",{},{}", *matrix.zeros,
                                       csv_cell(matrix.sparsity().value_or(std::nan(""))))
                         : ",,";
    line += fmt::format(",{},{},{}", csv_cell(matrix.solver), matrix.group_ranks,
                        csv_cell(matrix.seconds));
    line += matrix.iterations ? fmt::format(",{}", *matrix.iterations) : ",";
    return line + fmt::format(",{}\n", csv_cell(matrix.relative_error.value_or(std::nan(""))));
}

}  // namespace

void write_matrices_csv(const RunReport& report, const std::filesystem::path& folder) {
    std::string text = csv_header();
    for (const MatrixReport& matrix : report.matrices) {
        text += csv_line(matrix);
    }
    support::write_text_atomically(folder / "matrices.csv", text);
}

void write_metric_files(const RunReport& report, const std::filesystem::path& folder) {
    const std::filesystem::path metrics = folder / "metrics";
    support::make_own_folder(metrics);
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        const auto metric = static_cast<spectrum::Metric>(m);
        std::vector<double> values;
        for (const MatrixReport& matrix : report.matrices) {
            values.push_back(matrix.has_metrics ? matrix.metrics[metric] : std::nan(""));
        }
        if (!std::ranges::all_of(values, [](double value) { return std::isnan(value); })) {
            formats::write_npy(metrics / fmt::format("{}.npy", spectrum::name_of(metric)), values);
        }
    }
}

}  // namespace alphaprune::report
