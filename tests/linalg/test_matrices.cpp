#include "linalg/test_matrices.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

namespace alphaprune::test {
namespace {

using Square = std::vector<std::vector<double>>;

std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 29)) * 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

double to_bfloat16(double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    return std::bit_cast<float>(bits & 0xffff0000U);
}

Square gram_of(MemorySource& matrix) {
    const bool wide = matrix.rows() <= matrix.cols();
    const std::int64_t n = std::min(matrix.rows(), matrix.cols());
    const std::int64_t k = std::max(matrix.rows(), matrix.cols());
    const auto entry = [&](std::int64_t i, std::int64_t l) {
        return wide ? matrix.at(i, l) : matrix.at(l, i);
    };
    Square gram(n, std::vector<double>(n));
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t l = 0; l < k; ++l) {
                gram[i][j] += entry(i, l) * entry(j, l);
            }
        }
    }
    return gram;
}

/// One Jacobi rotation that makes g[p][q] zero.
void rotate(Square& g, std::size_t p, std::size_t q) {
    const double theta = (g[q][q] - g[p][p]) / (2 * g[p][q]);
    const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1.0));
    const double c = 1 / std::hypot(t, 1.0);
    const double s = t * c;
    for (std::size_t k = 0; k < g.size(); ++k) {
        const double kp = g[k][p];
        const double kq = g[k][q];
        g[k][p] = c * kp - s * kq;
        g[k][q] = s * kp + c * kq;
    }
    for (std::size_t k = 0; k < g.size(); ++k) {
        const double pk = g[p][k];
        const double qk = g[q][k];
        g[p][k] = c * pk - s * qk;
        g[q][k] = s * pk + c * qk;
    }
}

std::vector<double> jacobi_eigenvalues(Square g) {
    constexpr int kSweeps = 40;
    double largest = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
        largest = std::max(largest, g[i][i]);
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
        for (std::size_t p = 0; p < g.size(); ++p) {
            for (std::size_t q = p + 1; q < g.size(); ++q) {
                if (std::abs(g[p][q]) > 1e-17 * largest) {
                    rotate(g, p, q);
                }
            }
        }
    }
    std::vector<double> values;
    for (std::size_t i = 0; i < g.size(); ++i) {
        values.push_back(g[i][i]);
    }
    std::ranges::sort(values);
    return values;
}

/// A unit vector without zeros, for a reflection that mixes all rows or columns.
std::vector<double> unit_vector(std::int64_t length, std::uint64_t seed) {
    std::vector<double> v(length);
    for (std::int64_t i = 0; i < length; ++i) {
        v[i] = 0.5 + static_cast<double>(mixed(seed + i) >> 11) * 0x1p-53;
    }
    const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    for (double& x : v) {
        x /= norm;
    }
    return v;
}

}  // namespace

void MemorySource::read(const linalg::Rectangle& part, std::span<double> out) {
    on_read(part);
    std::size_t to = 0;
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
        for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
            out[to++] = values_.at(row * shape_.cols + col);
        }
    }
}

MemorySource spiked_matrix(Shape shape, std::uint64_t seed) {
    std::vector<double> values(shape.rows * shape.cols);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint64_t hash = mixed(seed * 1000003 + i);
        const double noise = static_cast<double>(hash >> 11) * 0x1p-53 - 0.5;
        values[i] = to_bfloat16(hash % 97 == 0 ? 300 * noise : noise);
    }
    return {shape, std::move(values)};
}

MemorySource matrix_with_singular_values(Shape shape, const std::vector<double>& values) {
    const std::vector<double> u = unit_vector(shape.rows, 1);
    const std::vector<double> v = unit_vector(shape.cols, 2);
    const auto n = static_cast<std::int64_t>(values.size());
    double middle = 0;  // uᵀ S v
    for (std::int64_t i = 0; i < n; ++i) {
        middle += u[i] * values[i] * v[i];
    }
    // (1 − 2uuᵀ) S (1 − 2vvᵀ), entry by entry
    std::vector<double> w(shape.rows * shape.cols);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
        for (std::int64_t j = 0; j < shape.cols; ++j) {
            const double s_v = i < n ? values[i] * v[i] : 0;
            const double u_s = j < n ? u[j] * values[j] : 0;
            w[i * shape.cols + j] = (i == j ? values[i] : 0) - 2 * u[i] * u_s - 2 * s_v * v[j] +
                                    4 * u[i] * middle * v[j];
        }
    }
    return {shape, std::move(w)};
}

std::vector<double> reference_spectrum(MemorySource& matrix) {
    return jacobi_eigenvalues(gram_of(matrix));
}

double tolerance_for(const std::vector<double>& spectrum) {
    return 1e-12 * spectrum.back() * static_cast<double>(spectrum.size());
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) {
        return std::numeric_limits<double>::infinity();
    }
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(a[i] - b[i]);
        if (!(difference <= largest)) {  // NaN counts as different
            largest = difference;
        }
    }
    return largest;
}

}  // namespace alphaprune::test
