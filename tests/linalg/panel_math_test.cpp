#include "cuda/panel_math.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "cuda/sturm.hpp"

namespace alphaprune::linalg::kernels {
namespace {

/// Rows × kPanel, row-major.
struct PanelRows {
    int rows;
    std::vector<double> values;
    double& at(int row, int col) { return values[static_cast<std::size_t>(row * kPanel + col)]; }
};

PanelRows random_panel(int rows, int rank) {
    std::mt19937 generator(static_cast<unsigned>(rows));
    std::normal_distribution<double> normal;
    PanelRows panel{rows, std::vector<double>(static_cast<std::size_t>(rows * kPanel))};
    for (int row = 0; row < rows; ++row) {
        for (int col = 0; col < kPanel; ++col) {
            panel.at(row, col) = col < rank ? normal(generator) : panel.at(row, col % rank) * 2;
        }
    }
    return panel;
}

struct Factors {
    PanelRows v;
    PanelRows r{kPanel, std::vector<double>(kPanel* kPanel)};
    std::array<double, kPanel * kPanel> t{};
};

/// What the kernel does, one row after another.
Factors factors_of(PanelRows a) {
    Factors factors{a};
    const int steps = std::min(kPanel, a.rows);
    for (int j = 0; j < steps; ++j) {
        std::array<double, kPanel> sums{};
        std::array<double, kPanel> pivots{};
        std::array<double, kPanel> products{};
        for (int k = 0; k < kPanel; ++k) {
            pivots[k] = a.at(j, k);
            for (int row = j + 1; row < a.rows; ++row) {
                sums[k] += a.at(row, j) * a.at(row, k);
            }
        }
        const Reflector reflector = two_stage::reflector_of(pivots[j], sums[j]);
        for (int row = j + 1; row < a.rows; ++row) {
            a.at(row, j) *= reflector.scale;
        }
        for (int k = 0; k < kPanel; ++k) {
            if (k < j) {
                products[k] = product_of_reflectors(reflector, pivots[k], sums[k]);
            } else if (k > j) {
                const double share = share_of_column(reflector, pivots[k], sums[k]);
                factors.r.at(j, k) = pivots[k] - share;
                for (int row = j + 1; row < a.rows; ++row) {
                    a.at(row, k) -= share * a.at(row, j);
                }
            }
        }
        factors.r.at(j, j) = reflector.beta;
        for (int row = 0; row < kPanel; ++row) {
            factors.t[static_cast<std::size_t>(row * kPanel + j)] =
                entry_of_t(reflector, factors.t.data(), products.data(), row, j);
        }
    }
    for (int row = 0; row < a.rows; ++row) {
        for (int col = 0; col < kPanel; ++col) {
            const bool below = row > col && col < steps;
            factors.v.at(row, col) = below ? a.at(row, col) : row == col ? 1 : 0;
        }
    }
    return factors;
}

/// (I − V T Vᵀ) x for one column x.
std::vector<double> reflected(Factors& factors, const std::vector<double>& x) {
    std::array<double, kPanel> inner{};
    std::array<double, kPanel> outer{};
    for (int k = 0; k < kPanel; ++k) {
        for (int row = 0; row < factors.v.rows; ++row) {
            inner[k] += factors.v.at(row, k) * x[static_cast<std::size_t>(row)];
        }
    }
    for (int i = 0; i < kPanel; ++i) {
        for (int k = 0; k < kPanel; ++k) {
            outer[i] += factors.t[static_cast<std::size_t>(i * kPanel + k)] * inner[k];
        }
    }
    std::vector<double> result = x;
    for (int row = 0; row < factors.v.rows; ++row) {
        for (int k = 0; k < kPanel; ++k) {
            result[static_cast<std::size_t>(row)] -= factors.v.at(row, k) * outer[k];
        }
    }
    return result;
}

TEST(PanelMath, QTimesRIsThePanelAndQKeepsLengths) {
    for (const int rows : {1, 2, 31, 32, 33, 200}) {
        for (const int rank : {kPanel, 5}) {
            PanelRows panel = random_panel(rows, rank);
            Factors factors = factors_of(panel);
            for (int col = 0; col < kPanel; ++col) {
                std::vector<double> r(static_cast<std::size_t>(rows));
                double length = 0;
                for (int row = 0; row < std::min(rows, kPanel); ++row) {
                    r[static_cast<std::size_t>(row)] = factors.r.at(row, col);
                    length += factors.r.at(row, col) * factors.r.at(row, col);
                }
                const std::vector<double> made = reflected(factors, r);
                double made_length = 0;
                for (int row = 0; row < rows; ++row) {
                    EXPECT_NEAR(made[static_cast<std::size_t>(row)], panel.at(row, col), 1e-12)
                        << rows << " rows, rank " << rank << ", " << row << ' ' << col;
                    made_length +=
                        made[static_cast<std::size_t>(row)] * made[static_cast<std::size_t>(row)];
                }
                EXPECT_NEAR(made_length, length, 1e-12 * length);
            }
        }
    }
}

TEST(PanelMath, AColumnWhoseSquaresUnderflowIsTakenForNone) {
    PanelRows panel = random_panel(40, kPanel);
    for (int row = 0; row < 40; ++row) {  // pivots are zero there, so that all hangs on the rest
        panel.at(row, 0) = row == 0 ? 0 : 1e-161;
    }
    Factors factors = factors_of(panel);
    std::vector<double> x(40, 1.0);
    double length = 0;
    for (const double value : reflected(factors, x)) {
        length += value * value;
    }
    EXPECT_NEAR(length, 40, 1e-11);
}

TEST(Sturm, CountsTheEigenvaluesBelowOfAMatrixWhoseAreKnown) {
    // 2 on the diagonal, −1 beside it: 2 − 2 cos(π k / (n + 1)).
    constexpr int kOrder = 50;
    const double pi = std::acos(-1.0);
    for (int k = 0; k <= kOrder; ++k) {
        const double between = 2 - 2 * std::cos(pi * (k + 0.5) / (kOrder + 1));
        double pivot = 1;
        int below = 0;
        for (int i = 0; i < kOrder; ++i) {
            pivot = next_pivot(2, i > 0 ? 1 : 0, pivot, between, 1e-300);
            below += pivot < 0 ? 1 : 0;
        }
        EXPECT_EQ(below, k);
    }
}

TEST(Sturm, APivotThatIsZeroIsTakenForOneBelow) {
    EXPECT_EQ(next_pivot(3, 0, 1, 3, 1e-300), -1e-300);
    EXPECT_EQ(next_pivot(3, 4, 2, 1, 1e-300), -1e-300);
}

}  // namespace
}  // namespace alphaprune::linalg::kernels
