#include "response_surface.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace alphaprune::allocation {
namespace {

/// A small symmetric positive definite system of equations.
class NormalEquations {
  public:
    explicit NormalEquations(std::size_t order)
        : order_(order), matrix_(order * order), right_(order) {}

    /// An observation: row·x = value, more or less, by this standard deviation.
    void add(std::span<const double> row, double value, double deviation) {
        const double weight = 1 / (deviation * deviation);
        for (std::size_t i = 0; i < order_; ++i) {
            for (std::size_t j = 0; j < order_; ++j) {
                matrix_[i * order_ + j] += weight * row[i] * row[j];
            }
            right_[i] += weight * row[i] * value;
        }
    }
    void add(std::size_t unknown, double value, double deviation) {
        std::vector<double> row(order_);
        row[unknown] = 1;
        add(row, value, deviation);
    }

    /// By elimination, which needs no pivots here.
    std::vector<double> solve() && {
        for (std::size_t k = 0; k < order_; ++k) {
            for (std::size_t i = k + 1; i < order_; ++i) {
                const double factor = matrix_[i * order_ + k] / matrix_[k * order_ + k];
                for (std::size_t j = k; j < order_; ++j) {
                    matrix_[i * order_ + j] -= factor * matrix_[k * order_ + j];
                }
                right_[i] -= factor * right_[k];
            }
        }
        for (std::size_t k = order_; k-- > 0;) {
            for (std::size_t j = k + 1; j < order_; ++j) {
                right_[k] -= matrix_[k * order_ + j] * right_[j];
            }
            right_[k] /= matrix_[k * order_ + k];
        }
        return std::move(right_);
    }

  private:
    std::size_t order_;
    std::vector<double> matrix_;
    std::vector<double> right_;
};

}  // namespace

double ResponseSurface::at(std::span<const double> x) const {
    double value = level;
    for (std::size_t i = 0; i < x.size(); ++i) {
        value += slopes[i] * x[i] + curvatures[i] * x[i] * x[i] / 2;
    }
    return value;
}

std::vector<double> ResponseSurface::least(double reach) const {
    std::vector<double> x;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
        const double far = slopes[i] > 0 ? -reach : reach;
        x.push_back(curvatures[i] > 0 ? std::clamp(-slopes[i] / curvatures[i], -reach, reach)
                                      : far);
    }
    return x;
}

ResponseSurface fitted_surface(std::span<const std::vector<double>> points,
                               std::span<const double> values, const SurfacePrior& prior) {
    assert(!points.empty() && points.size() == values.size());
    const std::size_t dimension = points.front().size();
    NormalEquations equations(1 + 2 * dimension);
    for (std::size_t p = 0; p < points.size(); ++p) {
        std::vector<double> row{1};
        row.insert(row.end(), points[p].begin(), points[p].end());
        for (const double x : points[p]) {
            row.push_back(x * x / 2);
        }
        equations.add(row, values[p], prior.noise);
    }
    for (std::size_t i = 0; i < dimension; ++i) {
        equations.add(1 + i, 0, prior.slope);
        equations.add(1 + dimension + i, prior.curvature, prior.curvature_spread);
    }
    const std::vector<double> found = std::move(equations).solve();
    const auto slopes = found.begin() + 1;
    const auto curvatures = slopes + static_cast<std::ptrdiff_t>(dimension);
    return {found.front(), {slopes, curvatures}, {curvatures, found.end()}};
}

}  // namespace alphaprune::allocation
