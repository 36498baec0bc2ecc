#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

#include "scores.hpp"
#include "sparsegpt.hpp"

// The sweep is compiled for several generations of vector units; the best one is taken at run time.
// Not with -march of a processor that has AVX-512: nothing is left to choose, and GCC 12 fails.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__AVX512F__)
#define ALPHAPRUNE_FOR_EACH_VECTOR_UNIT \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ALPHAPRUNE_FOR_EACH_VECTOR_UNIT
#endif
#define ALPHAPRUNE_INLINE __attribute__((always_inline)) inline

namespace alphaprune::pruning {
namespace {

/// Rows that are swept together, one per lane of a vector.
constexpr std::int64_t kLanes = 16;
using Lanes __attribute__((vector_size(kLanes * sizeof(float)))) = float;
using LaneMask __attribute__((vector_size(kLanes * sizeof(std::int32_t)))) = std::int32_t;

/// Columns brought up to date at a time when there is no pattern.
constexpr std::int64_t kStep = 16;
/// Columns whose sums stay in registers.
constexpr std::int64_t kColumnsAtOnce = 4;

/// kLanes rows of the panel, column by column. Small enough for the first cache.
struct Tile {
    std::array<Lanes, kWidestPanel> weights;
    std::array<Lanes, kWidestPanel> errors;
    std::array<LaneMask, kWidestPanel> removed;  ///< −1 where the weight goes
    std::array<LaneMask, kWidestPanel> gone;     ///< −1 where it goes beforehand
};

ALPHAPRUNE_INLINE void load(Tile& tile, const linalg::FloatView& weights, std::int64_t first,
                            std::int64_t rows) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        const float* const row = weights.data + (first + lane) * weights.stride;
        for (std::int64_t j = 0; j < weights.cols; ++j) {
            tile.weights[j][lane] = lane < rows ? row[j] : 0.0F;
        }
    }
}

ALPHAPRUNE_INLINE void load_gone(Tile& tile, GoneView gone, std::int64_t cols, std::int64_t first,
                                 std::int64_t rows) {
    for (std::int64_t j = 0; j < cols; ++j) {
        tile.gone[j] = LaneMask{};
        for (std::int64_t lane = 0; gone.data != nullptr && lane < rows; ++lane) {
            tile.gone[j][lane] = gone.at(first + lane, j) ? -1 : 0;
        }
    }
}

ALPHAPRUNE_INLINE void store(const std::array<Lanes, kWidestPanel>& from,
                             const linalg::FloatView& to, std::int64_t first, std::int64_t rows) {
    for (std::int64_t lane = 0; lane < rows; ++lane) {
        float* const row = to.data + (first + lane) * to.stride;
        for (std::int64_t j = 0; j < to.cols; ++j) {
            row[j] = from[j][lane];
        }
    }
}

ALPHAPRUNE_INLINE void mark_by_threshold(Tile& tile, const linalg::ConstFloatView& factor,
                                         float threshold) {
    for (std::int64_t j = 0; j < factor.cols; ++j) {
        const float diagonal = factor.data[j * factor.stride + j];
        const Lanes score = tile.weights[j] * tile.weights[j] / (diagonal * diagonal);
        tile.removed[j] = (score <= threshold) | tile.gone[j];
    }
}

/// Marks in each row the N lowest scores of the columns [first, first + width), the leftmost of
/// equals first; before all others, and however many, what is gone.
ALPHAPRUNE_INLINE void mark_group(Tile& tile, const linalg::ConstFloatView& factor,
                                  std::int64_t first, int width, int removed) {
    std::array<Lanes, kLargestGroup> scores;
    for (int i = 0; i < width; ++i) {
        const std::int64_t j = first + i;
        const float diagonal = factor.data[j * factor.stride + j];
        const Lanes score = tile.weights[j] * tile.weights[j] / (diagonal * diagonal);
        scores[i] = tile.gone[j] ? score - score - 1.0F : score;
    }
    for (int i = 0; i < width; ++i) {
        LaneMask before{};  // counts down: true is −1
        for (int other = 0; other < width; ++other) {
            before += other < i ? scores[other] <= scores[i] : scores[other] < scores[i];
        }
        tile.removed[first + i] = (-before < removed) | tile.gone[first + i];
    }
}

/// What the errors left of column `step` ask of kCount columns from `col` on.
template <std::int64_t kCount>
ALPHAPRUNE_INLINE void subtract_errors(Tile& tile, const linalg::ConstFloatView& factor,
                                       std::int64_t step, std::int64_t col) {
    std::array<Lanes, kCount> sums;
    for (std::int64_t c = 0; c < kCount; ++c) {
        sums[c] = tile.weights[col + c];
    }
    for (std::int64_t i = 0; i < step; ++i) {
        const Lanes error = tile.errors[i];
        const float* const row = factor.data + i * factor.stride + col;
        for (std::int64_t c = 0; c < kCount; ++c) {
            sums[c] -= error * row[c];
        }
    }
    for (std::int64_t c = 0; c < kCount; ++c) {
        tile.weights[col + c] = sums[c];
    }
}

ALPHAPRUNE_INLINE void bring_up_to_date(Tile& tile, const linalg::ConstFloatView& factor,
                                        std::int64_t step, std::int64_t end) {
    std::int64_t col = step;
    for (; col + kColumnsAtOnce <= end; col += kColumnsAtOnce) {
        subtract_errors<kColumnsAtOnce>(tile, factor, step, col);
    }
    for (; col < end; ++col) {
        subtract_errors<1>(tile, factor, step, col);
    }
}

/// Columns [step, end), which are up to date: removes what is marked.
ALPHAPRUNE_INLINE void remove_marked(Tile& tile, const linalg::ConstFloatView& factor,
                                     std::int64_t step, std::int64_t end) {
    for (std::int64_t j = step; j < end; ++j) {
        const float* const row = factor.data + j * factor.stride;
        const Lanes zero{};
        const Lanes weight = tile.weights[j];
        const Lanes error = tile.removed[j] ? weight / row[j] : zero;
        tile.weights[j] = tile.removed[j] ? zero : weight;
        tile.errors[j] = error;
        for (std::int64_t k = j + 1; k < end; ++k) {
            tile.weights[k] -= error * row[k];
        }
    }
}

ALPHAPRUNE_FOR_EACH_VECTOR_UNIT
void sweep_tiles(linalg::FloatView weights, linalg::ConstFloatView factor, RemovalRule rule,
                 linalg::FloatView errors, GoneView gone) {
    Tile tile;
    const std::int64_t width = weights.cols;
    const std::int64_t step = rule.pattern ? rule.pattern->group : kStep;
    for (std::int64_t first = 0; first < weights.rows; first += kLanes) {
        const std::int64_t rows = std::min(kLanes, weights.rows - first);
        load(tile, weights, first, rows);
        if (gone.data != nullptr || first == 0) {
            load_gone(tile, gone, width, first, rows);
        }
        if (!rule.pattern) {
            mark_by_threshold(tile, factor, rule.threshold);
        }
        for (std::int64_t col = 0; col < width; col += step) {
            const std::int64_t end = std::min(col + step, width);
            bring_up_to_date(tile, factor, col, end);
            if (rule.pattern) {
                const int group = static_cast<int>(end - col);
                mark_group(tile, factor, col, group, removed_of(*rule.pattern, group));
            }
            remove_marked(tile, factor, col, end);
        }
        store(tile.weights, weights, first, rows);
        store(tile.errors, errors, first, rows);
    }
}

/// The block of U without gaps between its rows: it is read again for each tile.
std::vector<float> packed(linalg::ConstFloatView factor) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < factor.rows; ++i) {
        const float* const row = factor.data + i * factor.stride;
        values.insert(values.end(), row, row + factor.cols);
    }
    return values;
}

}  // namespace

void sweep_panel(linalg::FloatView weights, linalg::ConstFloatView factor, const RemovalRule& rule,
                 linalg::FloatView errors, GoneView gone) {
    assert(weights.cols <= kWidestPanel && factor.cols == weights.cols);
    assert(errors.rows == weights.rows && errors.cols == weights.cols);
    const std::vector<float> block = packed(factor);
    sweep_tiles(weights, {block.data(), factor.cols, factor.cols, factor.cols}, rule, errors, gone);
}

}  // namespace alphaprune::pruning
