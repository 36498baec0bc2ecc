#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "alphaprune/pruning/row_pruning.hpp"

namespace alphaprune::test {

/// A matrix and the inputs that come to it.
struct SparsegptProblem {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t samples = 0;
    std::vector<std::vector<float>> sequences;  ///< tokens × cols each
    std::vector<float> weights;                 ///< rows × cols
};

/// Inputs that depend on each other, of very different sizes, a few dead if asked for.
SparsegptProblem random_problem(std::int64_t rows, std::int64_t cols, std::int64_t samples,
                                bool with_dead_inputs = false);

/// The published algorithm, a column at a time and in float64 throughout, on one rank.
/// @param gone  of each weight, whether it goes before all others; empty: none does
std::vector<double> pruned_by_the_book(const SparsegptProblem& problem, double ratio,
                                       std::optional<pruning::Pattern> pattern,
                                       const std::vector<std::uint8_t>& gone = {});

/// ‖(W − Ŵ)X‖² summed over all inputs.
double output_error(const SparsegptProblem& problem, const std::vector<float>& pruned);

/// Share of the weights that are zero in both or in neither.
template <class A, class B>
double mask_agreement(const std::vector<A>& a, const std::vector<B>& b) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        same += (a[i] == 0) == (b[i] == 0) ? 1 : 0;
    }
    return static_cast<double>(same) / static_cast<double>(a.size());
}

/// ‖a − b‖/‖b‖.
template <class A, class B>
double relative_distance(const std::vector<A>& a, const std::vector<B>& b) {
    double difference = 0;
    double size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        difference += d * d;
        size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
}

}  // namespace alphaprune::test
