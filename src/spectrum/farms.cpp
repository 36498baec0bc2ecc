#include "alphaprune/spectrum/farms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace alphaprune::spectrum {
namespace {

/// int(aspect · rows), as the published code rounds.
std::int64_t columns_of(std::int64_t rows, double aspect) {
    constexpr double kMany = 1e15;
    return static_cast<std::int64_t>(std::min(static_cast<double>(rows) * aspect, kMany));
}

/// The window at the origin.
linalg::Rectangle first_window(std::int64_t rows, std::int64_t cols, const FarmsOptions& options) {
    std::int64_t height = std::min({options.largest_side, rows, cols});
    if (columns_of(height, options.aspect) > cols) {
        height = static_cast<std::int64_t>(static_cast<double>(cols + 1) / options.aspect);
        while (height > 1 && columns_of(height, options.aspect) > cols) {
            --height;
        }
    }
    height = std::max<std::int64_t>(height, 1);
    const std::int64_t width =
        std::clamp<std::int64_t>(columns_of(height, options.aspect), 1, cols);
    return {0, height, 0, width};
}

/// Where windows of that length begin in a dimension of that extent.
std::vector<std::int64_t> strided(std::int64_t extent, std::int64_t length, std::int64_t offsets) {
    const std::int64_t room = extent - length;
    const std::int64_t stride =
        offsets > 1 ? std::max<std::int64_t>(1, room / (offsets - 1)) : room + 1;
    std::vector<std::int64_t> begins;
    for (std::int64_t begin = 0; begin <= room && std::ssize(begins) < offsets; begin += stride) {
        begins.push_back(begin);
    }
    return begins;
}

}  // namespace

std::vector<linalg::Rectangle> farms_windows(std::int64_t rows, std::int64_t cols,
                                             const FarmsOptions& options) {
    assert(options.aspect > 0 && options.largest_side > 0 && options.offsets > 0);
    if (rows < 1 || cols < 1) {
        return {};
    }
    const linalg::Rectangle first = first_window(rows, cols, options);
    std::vector<linalg::Rectangle> windows;
    for (const std::int64_t row : strided(rows, first.rows(), options.offsets)) {
        for (const std::int64_t col : strided(cols, first.cols(), options.offsets)) {
            windows.push_back({row, row + first.rows(), col, col + first.cols()});
        }
    }
    return windows;
}

std::string WindowSource::name() const {
    return fmt::format("{}, rows {} to {}, columns {} to {}", matrix_.name(), window_.row_begin,
                       window_.row_end - 1, window_.col_begin, window_.col_end - 1);
}

void WindowSource::read(const linalg::Rectangle& part, std::span<double> out) {
    matrix_.read({window_.row_begin + part.row_begin, window_.row_begin + part.row_end,
                  window_.col_begin + part.col_begin, window_.col_begin + part.col_end},
                 out);
}

}  // namespace alphaprune::spectrum
