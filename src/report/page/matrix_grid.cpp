#include "page/matrix_grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace alphaprune::report {
namespace {

bool is_number(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "mlp.experts.7.up_proj.weight" as "mlp.experts.*.up_proj"
std::string without_numbers(std::string_view path) {
    std::string kind;
    while (!path.empty()) {
        const std::string_view word = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(path.size(), word.size() + 1));
        if (word != "weight" || kind.empty()) {
            kind += kind.empty() ? "" : ".";
            kind += is_number(word) ? "*" : word;
        }
    }
    return kind;
}

}  // namespace

std::string kind_of(std::string_view name, int block) {
    const std::string number = std::to_string(block);
    const std::string_view tensor = name.substr(0, name.find('['));
    const std::string_view slice = name.substr(tensor.size());
    std::string_view path = tensor;
    for (std::size_t at = 0; at < tensor.size();) {
        const std::string_view word = tensor.substr(at, tensor.find('.', at) - at);
        at += word.size() + 1;
        if (word == number && at < tensor.size()) {
            path = tensor.substr(at);
            break;
        }
    }
    std::string kind = without_numbers(path);
    if (slice.size() > 2) {
        kind += fmt::format("[{}]", without_numbers(slice.substr(1, slice.size() - 2)));
    }
    return kind;
}

MatrixGrid grid_of(const RunReport& report) {
    MatrixGrid grid;
    for (const MatrixReport& matrix : report.matrices) {
        grid.blocks.push_back(matrix.block);
    }
    std::ranges::sort(grid.blocks);
    grid.blocks.erase(std::unique(grid.blocks.begin(), grid.blocks.end()), grid.blocks.end());
    std::map<std::string, std::size_t> kinds;
    for (std::size_t m = 0; m < report.matrices.size(); ++m) {
        const MatrixReport& matrix = report.matrices[m];
        const auto [kind, is_new] =
            kinds.emplace(kind_of(matrix.name, matrix.block), grid.kinds.size());
        if (is_new) {
            grid.kinds.push_back(kind->first);
        }
        const auto block = std::ranges::lower_bound(grid.blocks, matrix.block);
        grid.cells[{kind->second, static_cast<std::size_t>(block - grid.blocks.begin())}].push_back(
            m);
    }
    return grid;
}

}  // namespace alphaprune::report
