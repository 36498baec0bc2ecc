#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

namespace alphaprune::test {

/// The formulas of docs/methods.md as plain double loops, in eigenvalues rather than logarithms.
inline double plain_hill(std::span<const double> ascending, std::size_t i) {
    const auto tail = static_cast<double>(ascending.size() - i);
    double sum = 0;
    for (std::size_t j = i; j < ascending.size(); ++j) {
        sum += std::log(ascending[j]);
    }
    return 1 + tail / (sum - tail * std::log(ascending[i]));
}

inline double plain_distance(std::span<const double> ascending, std::size_t i, double alpha) {
    const auto tail = static_cast<double>(ascending.size() - i);
    double largest = 0;
    for (std::size_t j = i; j < ascending.size(); ++j) {
        const double fitted = 1 - std::pow(ascending[j] / ascending[i], 1 - alpha);
        largest = std::max(largest, std::abs(fitted - static_cast<double>(j - i) / tail));
    }
    return largest;
}

struct PlainFit {
    std::size_t start = 0;
    double alpha = std::numeric_limits<double>::quiet_NaN();
    double distance = std::numeric_limits<double>::infinity();
};

/// Least distance among starts whose eigenvalue lies in [least, greatest], the last one excluded.
inline PlainFit plain_best(std::span<const double> ascending, double least, double greatest) {
    PlainFit best;
    for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
        if (ascending[i] <= 0 || ascending[i] < least || ascending[i] > greatest) {
            continue;
        }
        const double alpha = plain_hill(ascending, i);
        const double distance = plain_distance(ascending, i, alpha);
        if (alpha > 1 && distance < best.distance) {
            best = {i, alpha, distance};
        }
    }
    return best;
}

/// Log-normal values: curved in a log-log plot, so that the best start lies somewhere inside.
inline std::vector<double> random_spectrum(std::size_t size, unsigned seed, double width) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<double> logarithm(0, width);
    std::vector<double> values(size);
    std::ranges::generate(values, [&] { return std::exp(logarithm(generator)); });
    std::ranges::sort(values);
    return values;
}

}  // namespace alphaprune::test
