#include "alphaprune/spectrum/farms.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <tuple>

namespace alphaprune::spectrum {
namespace {

using Box = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

std::vector<Box> boxes(const std::vector<linalg::Rectangle>& windows) {
    std::vector<Box> all;
    for (const linalg::Rectangle& window : windows) {
        all.emplace_back(window.row_begin, window.row_end, window.col_begin, window.col_end);
    }
    return all;
}

/// The published rule word by word, where a window fits: the stride first, then how many windows it
/// leaves room for, then each offset, kept inside.
std::vector<Box> published_windows(std::int64_t rows, std::int64_t cols,
                                   const FarmsOptions& options) {
    const std::int64_t height = std::min({options.largest_side, rows, cols});
    const auto width = static_cast<std::int64_t>(std::floor(height * options.aspect));
    const auto stride_of = [&](std::int64_t room) {
        return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(
                                             static_cast<double>(room) / (options.offsets - 1))));
    };
    const auto count_of = [&](std::int64_t room) {
        return std::min<std::int64_t>(options.offsets,
                                      std::max<std::int64_t>(1, room / stride_of(room) + 1));
    };
    std::vector<Box> all;
    for (std::int64_t i = 0; i < count_of(rows - height); ++i) {
        for (std::int64_t j = 0; j < count_of(cols - width); ++j) {
            const std::int64_t row = std::min(i * stride_of(rows - height), rows - height);
            const std::int64_t col = std::min(j * stride_of(cols - width), cols - width);
            all.emplace_back(row, row + height, col, col + width);
        }
    }
    return all;
}

TEST(FarmsWindows, AreThoseOfThePublishedRule) {
    for (const std::int64_t rows : {1, 7, 20, 21, 29, 30, 64, 333}) {
        for (const std::int64_t cols : {1, 8, 20, 25, 64, 100, 501}) {
            for (const double aspect : {1.0, 0.5, 0.3}) {
                for (const int offsets : {2, 3, 10}) {
                    const FarmsOptions options{aspect, 20, offsets};
                    if (static_cast<double>(std::min(rows, cols)) * aspect >= 1) {
                        EXPECT_EQ(boxes(farms_windows(rows, cols, options)),
                                  published_windows(rows, cols, options))
                            << rows << "x" << cols << " aspect " << aspect;
                    }
                }
            }
        }
    }
    const FarmsOptions wide{2, 20, 10};
    EXPECT_EQ(boxes(farms_windows(64, 100, wide)), published_windows(64, 100, wide));
}

TEST(FarmsWindows, OfPublishedShapes) {
    const auto square = farms_windows(4096, 4096, {});
    ASSERT_EQ(square.size(), 100U);
    EXPECT_EQ(boxes(square)[11], Box(232, 2232, 232, 2232));
    EXPECT_EQ(farms_windows(11008, 4096, {}).size(), 100U);
    const auto narrow = farms_windows(1024, 8192, {});  // one offset along the rows
    ASSERT_EQ(narrow.size(), 10U);
    EXPECT_EQ(boxes(narrow)[1], Box(0, 1024, 796, 1820));
}

TEST(FarmsWindows, AMatrixThatIsOneWindow) {
    EXPECT_EQ(boxes(farms_windows(256, 256, {})), std::vector<Box>({{0, 256, 0, 256}}));
    EXPECT_EQ(boxes(farms_windows(1, 1, {})), std::vector<Box>({{0, 1, 0, 1}}));
    EXPECT_TRUE(farms_windows(0, 5, {}).empty());
}

TEST(FarmsWindows, NoneTwice) {
    for (const std::int64_t rows : {20, 22, 25, 28, 29, 40}) {
        const auto all = boxes(farms_windows(rows, 31, {1, 20, 10}));
        EXPECT_EQ(std::set<Box>(all.begin(), all.end()).size(), all.size()) << rows;
    }
}

TEST(FarmsWindows, KeepTheAspectWhereAWideWindowDoesNotFit) {
    for (const auto& [rows, cols] : {std::pair{100, 50}, {50, 50}, {50, 61}, {2, 1}, {9, 100}}) {
        for (const double aspect : {1.5, 2.0, 2.7, 7.0}) {
            const auto windows = farms_windows(rows, cols, {aspect, 40, 4});
            ASSERT_FALSE(windows.empty());
            const std::int64_t height = windows[0].rows();
            for (const linalg::Rectangle& window : windows) {
                EXPECT_EQ(window.rows(), height);
                EXPECT_EQ(window.cols(),
                          std::min<std::int64_t>(cols, static_cast<std::int64_t>(height * aspect)));
                EXPECT_GE(window.row_begin, 0);
                EXPECT_LE(window.row_end, rows);
                EXPECT_GE(window.col_begin, 0);
                EXPECT_LE(window.col_end, cols);
            }
            // One row more would not fit.
            const std::int64_t most = std::min({40, rows, cols});
            EXPECT_TRUE(height == most || static_cast<std::int64_t>((height + 1) * aspect) > cols);
        }
    }
}

TEST(FarmsWindows, OneOffsetIsTheCorner) {
    EXPECT_EQ(boxes(farms_windows(50, 70, {1, 20, 1})), std::vector<Box>({{0, 20, 0, 20}}));
}

/// Value 1000·row + column.
class Numbered : public linalg::MatrixSource {
  public:
    std::int64_t rows() const override { return 30; }
    std::int64_t cols() const override { return 40; }
    std::string name() const override { return "numbers"; }
    void read(const linalg::Rectangle& part, std::span<double> out) override {
        auto next = out.begin();
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
                *next++ = static_cast<double>(1000 * row + col);
            }
        }
    }
};

TEST(WindowSource, ShowsItsPartOfTheMatrix) {
    Numbered matrix;
    WindowSource window(matrix, {5, 15, 20, 27});
    EXPECT_EQ(window.rows(), 10);
    EXPECT_EQ(window.cols(), 7);
    std::vector<double> values(6);
    window.read({1, 3, 2, 5}, values);
    EXPECT_EQ(values, std::vector<double>({6022, 6023, 6024, 7022, 7023, 7024}));
    EXPECT_EQ(window.name(), "numbers, rows 5 to 14, columns 20 to 26");
}

}  // namespace
}  // namespace alphaprune::spectrum
