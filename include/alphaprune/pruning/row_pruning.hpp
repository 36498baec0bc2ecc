#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace alphaprune::pruning {

/// N:M sparsity: in every M consecutive inputs of a row, N are removed. (NVIDIA counts the kept:
/// its 2:4 is this 2:4, its 1:4 would be 3:4 here.)
struct Pattern {
    int removed = 0;  ///< N
    int group = 0;    ///< M, 2 to 16, N < M
};

/// "2:4" → {2, 4}; nothing when it is not N:M with 1 <= N < M <= 16.
std::optional<Pattern> pattern_named(std::string_view text);

/// int(cols·ratio): how many weights of a row go.
std::int64_t dropped_of_row(std::int64_t cols, double ratio);

/// Zeroes in every row the int(cols·ratio) weights of lowest score |w|·input_norm, lowest index
/// first among equals (Wanda, arXiv 2306.11695).
/// @param weights      rows × cols, row-major, changed in place
/// @param input_norms  cols values ‖x_j‖₂; empty: all one (plain magnitude, row by row)
/// @param gone         one per weight, not zero where it has been zeroed beforehand: those count
///                     before all others, of score zero too. Empty: none
/// @return zeros afterwards
std::int64_t prune_rows(std::span<float> weights, std::int64_t cols,
                        std::span<const float> input_norms, double ratio,
                        std::span<const std::uint8_t> gone = {});

/// Zeroes in every group of M consecutive weights of a row the N of lowest score, lowest index
/// first among equals. A last group of fewer than M columns loses floor(width·N/M).
std::int64_t prune_rows(std::span<float> weights, std::int64_t cols,
                        std::span<const float> input_norms, Pattern pattern,
                        std::span<const std::uint8_t> gone = {});

/// How many of the scores are too large for float32: no order is left among them.
std::int64_t count_overflows(std::span<const float> weights, std::int64_t cols,
                             std::span<const float> input_norms);

/// How many of the weights score above `multiple` × `mean_score` (OWL's outliers).
std::int64_t count_outliers(std::span<const float> weights, std::int64_t cols,
                            std::span<const float> input_norms, double mean_score, double multiple);
/// Sum of the scores, in float64.
double sum_of_scores(std::span<const float> weights, std::int64_t cols,
                     std::span<const float> input_norms);

}  // namespace alphaprune::pruning
