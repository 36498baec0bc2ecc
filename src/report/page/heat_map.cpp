#include "page/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/axes.hpp"
#include "page/color_scale.hpp"
#include "page/markup.hpp"

namespace alphaprune::report {
namespace {

constexpr std::size_t kMostMapRows = 48;
constexpr double kMapPitch = 22;
constexpr double kNamesWidth = 170;
constexpr double kMapTop = 4;

/// Of the matrices in one cell.
struct CellValues {
    int known = 0;
    double sum = 0;
    double least = INFINITY;
    double most = -INFINITY;

    void add(double value) {
        if (std::isfinite(value)) {
            ++known;
            sum += value;
            least = std::min(least, value);
            most = std::max(most, value);
        }
    }
    double mean() const { return sum / known; }
};

/// Colors for values from `low` to `high`, of which those from `least` to `most` occur.
struct ColorRange {
    double low = 0;
    double high = 1;
    double least = INFINITY;
    double most = -INFINITY;
    bool diverging = false;

    Color color(double value) const {
        const double share = high > low ? (value - low) / (high - low) : 0.5;
        return diverging ? diverging_color(share) : sequential_color(share);
    }
};

ColorRange color_range(const std::vector<CellValues>& cells, std::optional<double> middle) {
    ColorRange range;
    for (const CellValues& cell : cells) {
        if (cell.known > 0) {
            range.least = std::min(range.least, cell.mean());
            range.most = std::max(range.most, cell.mean());
        }
    }
    range.low = range.least;
    range.high = range.most;
    if (middle) {
        const double reach = std::max({range.most - *middle, *middle - range.least, 1e-3});
        range.low = *middle - reach;
        range.high = *middle + reach;
        range.diverging = true;
    }
    return range;
}

/// The end of a name that is too long, which says more than its beginning.
std::string shortened(const std::string& name) {
    constexpr std::size_t kLongest = 26;
    return name.size() <= kLongest ? escaped(name)
                                   : "…" + escaped(name.substr(name.size() - kLongest + 1));
}

class MapPicture {
  public:
    MapPicture(const RunReport& report, const MatrixGrid& grid, const HeatMap& map)
        : grid_(grid), map_(map), rows_(std::min(grid.kinds.size(), kMostMapRows)) {
        const auto columns = static_cast<double>(std::max<std::size_t>(grid.blocks.size(), 1));
        cell_width_ = std::clamp((kWideRight - kNamesWidth) / columns, 8.0, 84.75);
        width_ = std::max(kNamesWidth + cell_width_ * columns + 12, kWideWidth);
        for (const auto& [place, matrices] : grid.cells) {
            CellValues& values = cells_.emplace_back();
            for (const std::size_t m : matrices) {
                values.add(map.value(report.matrices[m]));
            }
        }
        range_ = color_range(cells_, map.middle);
    }

    std::string drawn() const {
        if (!(range_.least <= range_.most) || !std::isfinite(range_.high - range_.low)) {
            return {};
        }
        const double bottom = kMapTop + kMapPitch * static_cast<double>(rows_);
        const std::string picture =
            svg_picture(width_ > kWideWidth ? "map" : "wide", width_, bottom + 66, map_.label,
                        names() + rectangles() + block_numbers(bottom) + scale(bottom + 30));
        std::string text = scrollable(map_.label, picture);
        if (rows_ < grid_.kinds.size()) {
            text += fmt::format("<p>{} more kinds of matrices are in the table of all.</p>\n",
                                grid_.kinds.size() - rows_);
        }
        return text;
    }

  private:
    double left_of(std::size_t column) const {
        return kNamesWidth + cell_width_ * static_cast<double>(column);
    }
    std::string names() const {
        std::string text;
        for (std::size_t row = 0; row < rows_; ++row) {
            text += fmt::format(
                "<text class=\"e\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>", kNamesWidth - 8,
                kMapTop + kMapPitch * static_cast<double>(row) + 15, shortened(grid_.kinds[row]));
        }
        return text;
    }
    std::string rectangles() const {
        std::string text;
        std::size_t cell = 0;
        for (const auto& [place, matrices] : grid_.cells) {
            const CellValues& values = cells_[cell++];
            if (place.first < rows_ && values.known > 0) {
                text += rectangle(place.first, place.second, matrices, values);
            }
        }
        return text;
    }
    std::string rectangle(std::size_t row, std::size_t column,
                          const std::vector<std::size_t>& matrices,
                          const CellValues& values) const {
        const double x = left_of(column);
        const double y = kMapTop + kMapPitch * static_cast<double>(row);
        const Color color = range_.color(values.mean());
        std::string text = fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\" fill=\"{}\" "
            "data-m=\"{}\"><title>block {}, {}: {}</title></rect>",
            x, y, cell_width_ - 1, kMapPitch - 1, color.hex(), matrices.front(),
            grid_.blocks[column], escaped(grid_.kinds[row]), told(values));
        if (cell_width_ >= 36) {
            text += fmt::format("<text class=\"m {}\" x=\"{:.1f}\" y=\"{:.0f}\">{}</text>",
                                color.wants_white() ? "w" : "k", x + cell_width_ / 2, y + 15,
                                number_text(values.mean(), std::min(map_.digits, 3)));
        }
        return text;
    }
    std::string told(const CellValues& values) const {
        const std::string mean = number_text(values.mean(), map_.digits);
        return values.known == 1 ? mean
                                 : fmt::format("mean {} of {} matrices, {} to {}", mean,
                                               values.known, number_text(values.least, map_.digits),
                                               number_text(values.most, map_.digits));
    }
    std::string block_numbers(double bottom) const {
        std::string text;
        const auto least_width = 26.0;
        const auto step = static_cast<std::size_t>(std::ceil(least_width / cell_width_));
        for (std::size_t column = 0; column < grid_.blocks.size(); column += step) {
            text +=
                fmt::format("<text class=\"m\" x=\"{:.1f}\" y=\"{:.0f}\">{}</text>",
                            left_of(column) + cell_width_ / 2, bottom + 15, grid_.blocks[column]);
        }
        return text + fmt::format("<text class=\"e t\" x=\"{:.0f}\" y=\"{:.0f}\">block</text>",
                                  kNamesWidth - 8, bottom + 15);
    }
    /// What the colors stand for.
    std::string scale(double top) const {
        constexpr int kStops = 8;
        constexpr double kLength = 200;
        std::string stops;
        for (int stop = 0; stop <= kStops; ++stop) {
            const double value = range_.least + (range_.most - range_.least) * stop / kStops;
            stops += fmt::format("<stop offset=\"{:.1f}%\" stop-color=\"{}\"/>",
                                 100.0 * stop / kStops, range_.color(value).hex());
        }
        std::string text = fmt::format(
            "<linearGradient id=\"{0}-scale\">{1}</linearGradient><rect x=\"{2:.0f}\" "
            "y=\"{3:.0f}\" width=\"{4:.0f}\" height=\"12\" fill=\"url(#{0}-scale)\"/>",
            map_.id, stops, kNamesWidth, top, kLength);
        const auto mark = [&](double share, const char* anchor, double value) {
            text += fmt::format("<text class=\"{}\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>", anchor,
                                kNamesWidth + share * kLength, top + 27,
                                number_text(value, map_.digits));
        };
        mark(0, "s", range_.least);
        mark(1, "e", range_.most);
        return text;
    }

    const MatrixGrid& grid_;
    const HeatMap& map_;
    std::size_t rows_;
    double cell_width_ = 0;
    double width_ = 0;
    std::vector<CellValues> cells_;  ///< in the order of the grid's
    ColorRange range_;
};

}  // namespace

std::string heat_map(const RunReport& report, const MatrixGrid& grid, const HeatMap& map) {
    return MapPicture(report, grid, map).drawn();
}

}  // namespace alphaprune::report
