#include "page/matrix_grid.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "page/axes.hpp"
#include "page/color_scale.hpp"
#include "page/markup.hpp"
#include "report/sample_report.hpp"

namespace alphaprune::report {
namespace {

TEST(MatrixGrid, NamesKindsWithoutNumbers) {
    EXPECT_EQ(kind_of("model.layers.3.self_attn.q_proj.weight", 3), "self_attn.q_proj");
    EXPECT_EQ(kind_of("model.layers.11.mlp.experts.7.up_proj.weight", 11), "mlp.experts.*.up_proj");
    EXPECT_EQ(kind_of("h.0.attn.c_attn.weight[q]", 0), "attn.c_attn[q]");
    EXPECT_EQ(kind_of("layers.2.mlp.experts.gate_up_proj[7.gate]", 2),
              "mlp.experts.gate_up_proj[*.gate]");
    EXPECT_EQ(kind_of("layers.2.mlp.experts.down_proj[7]", 2), "mlp.experts.down_proj[*]");
    EXPECT_EQ(kind_of("odd", 5), "odd");
    EXPECT_EQ(kind_of("a.5", 5), "a.*");
    EXPECT_EQ(kind_of("", 0), "");
}

TEST(MatrixGrid, HoldsEveryMatrixOnce) {
    RunReport report = test::pruned_report();
    report.matrices.push_back(test::sample_matrix("b.7.q", 7, 4, 10, 1.0));
    const MatrixGrid grid = grid_of(report);
    EXPECT_EQ(grid.kinds, (std::vector<std::string>{"q", "k"}));
    EXPECT_EQ(grid.blocks, (std::vector<int>{0, 1, 7}));
    ASSERT_EQ(grid.cells.size(), 5U);
    EXPECT_EQ(grid.cells.at({1, 0}), std::vector<std::size_t>{1});
    EXPECT_EQ(grid.cells.at({0, 2}), std::vector<std::size_t>{4});
}

TEST(Axes, HaveRoundNumbers) {
    const auto texts = [](const std::vector<Tick>& ticks) {
        std::string all;
        for (const Tick& tick : ticks) {
            all += tick.text + " ";
        }
        return all;
    };
    EXPECT_EQ(texts(round_ticks({0, 1, 0, 1}, 4)), "0.0 0.5 1.0 ");
    EXPECT_EQ(texts(round_ticks({2.13, 2.42, 0, 1}, 4)), "2.2 2.3 2.4 ");
    EXPECT_EQ(texts(round_ticks({-3, 8, 0, 1}, 4)), "0 5 ");
    EXPECT_EQ(texts(round_ticks({1, 1, 0, 1}, 4)), "");
    EXPECT_EQ(texts(round_ticks({-1e308, 1e308, 0, 1}, 4)), "");
    EXPECT_EQ(texts(decade_ticks({-2.5, 1.2, 0, 1}, 8)), "10⁻² 10⁻¹ 10⁰ 10¹ ");
    EXPECT_EQ(texts(decade_ticks({-0.4, 0.8, 0, 1}, 8)), "0.5 1 2 5 ");
    EXPECT_EQ(texts(decade_ticks({std::log10(11.9), std::log10(13.6), 0, 1}, 8)),
              "12.0 12.5 13.0 13.5 ");
    EXPECT_EQ(texts(decade_ticks({std::log10(22), std::log10(145), 0, 1}, 8)),
              "40 60 80 100 120 140 ");
    EXPECT_LE(decade_ticks({-300, 300, 0, 1}, 8).size(), 8U);
    EXPECT_EQ(power_of_ten(-12), "10⁻¹²");
}

TEST(Axes, PutValuesInPlace) {
    const Axis axis{2, 4, 100, 0};
    EXPECT_DOUBLE_EQ(axis.at(2.5), 75);
    EXPECT_DOUBLE_EQ(axis.at(9), 0);
    EXPECT_DOUBLE_EQ(axis.at(NAN), 100);
    const Axis around = axis_around(std::vector<double>{1, NAN, 2, INFINITY}, 0, 1);
    EXPECT_DOUBLE_EQ(around.low, 0.92);
    EXPECT_DOUBLE_EQ(around.high, 2.08);
}

TEST(Colors, AreThoseOfTheirScales) {
    EXPECT_EQ(sequential_color(0).hex(), "#440154");
    EXPECT_EQ(sequential_color(1).hex(), "#fde725");
    EXPECT_EQ(diverging_color(0.5).hex(), "#f0f0f0");
    EXPECT_EQ(diverging_color(NAN).hex(), "#f0f0f0");
    EXPECT_TRUE(sequential_color(0).wants_white());
    EXPECT_FALSE(sequential_color(1).wants_white());
}

TEST(Markup, WritesNumbersForPeople) {
    EXPECT_EQ(with_separators(1234567), "1,234,567");
    EXPECT_EQ(with_separators(123), "123");
    EXPECT_EQ(number_text(NAN), "–");
    EXPECT_EQ(percent_text(0.70004), "70.00 %");
    EXPECT_EQ(counted(1, "rank"), "1 rank");
    EXPECT_EQ(duration_text(1e300), "1e+300 s");
    EXPECT_EQ(shell_line({"a", "b c", "it's", ""}), "a 'b c' 'it'\\''s' ''");
}

}  // namespace
}  // namespace alphaprune::report
