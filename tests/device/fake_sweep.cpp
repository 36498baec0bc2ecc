#include "fake_sweep.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cuda/spectrum_kernels.hpp"
#include "fake_choices.hpp"

using namespace alphaprune::linalg;

namespace {

float score_of(float weight, float diagonal) {
    return weight * weight / (diagonal * diagonal);
}

bool is_gone(const PanelSweep& work, std::int64_t row, std::int64_t col) {
    return work.gone != nullptr && work.gone[row * work.gone_stride + col] != 0;
}

/// A row, and which of its weights go.
struct SweptRow {
    float* weights;
    std::vector<bool> goes;
};

void mark_below_threshold(const PanelSweep& work, std::int64_t row, SweptRow& swept) {
    for (std::int64_t j = 0; j < work.cols; ++j) {
        const float score = score_of(swept.weights[j], work.factor[j * (work.factor_stride + 1)]);
        swept.goes[static_cast<std::size_t>(j)] = score <= work.threshold || is_gone(work, row, j);
    }
}

void mark_in_group(const PanelSweep& work, std::int64_t row, std::int64_t first, SweptRow& swept) {
    const int width = static_cast<int>(std::min<std::int64_t>(work.group, work.cols - first));
    std::array<float, kLargestFakeGroup> scores{};
    for (int i = 0; i < width; ++i) {
        const std::int64_t j = first + i;
        scores[static_cast<std::size_t>(i)] =
            is_gone(work, row, j)
                ? -1.0F
                : score_of(swept.weights[j], work.factor[j * (work.factor_stride + 1)]);
    }
    const std::uint32_t lowest = lowest_of(scores.data(), width, width * work.removed / work.group);
    for (int i = 0; i < width; ++i) {
        swept.goes[static_cast<std::size_t>(first + i)] =
            (lowest >> i & 1U) != 0 || is_gone(work, row, first + i);
    }
}

void sweep_row(const PanelSweep& work, std::int64_t row) {
    SweptRow swept{work.weights + row * work.stride,
                   std::vector<bool>(static_cast<std::size_t>(work.cols))};
    float* const errors = work.errors + row * work.error_stride;
    if (work.group == 0) {
        mark_below_threshold(work, row, swept);
    }
    for (std::int64_t j = 0; j < work.cols; ++j) {
        if (work.group != 0 && j % work.group == 0) {
            mark_in_group(work, row, j, swept);
        }
        errors[j] = 0;
        if (!swept.goes[static_cast<std::size_t>(j)]) {
            continue;
        }
        const float* const factor = work.factor + j * work.factor_stride;
        errors[j] = swept.weights[j] / factor[j];
        swept.weights[j] = 0;
        for (std::int64_t k = j + 1; k < work.cols; ++k) {
            swept.weights[k] -= errors[j] * factor[k];
        }
    }
}

}  // namespace

void score_panel(const PanelScores& work, TouchedMemory& memory) {
    memory.reads_rows(work.weights, work.rows, work.cols, work.stride, "weights");
    memory.reads_rows(work.factor, work.cols, work.cols, work.factor_stride, "factor");
    if (work.gone != nullptr) {
        memory.reads_rows(work.gone, work.rows, work.cols, work.gone_stride, "gone");
    }
    memory.writes(work.scores, work.rows * work.cols, "scores");
    memory.end();
    for (std::int64_t row = 0; row < work.rows; ++row) {
        for (std::int64_t j = 0; j < work.cols; ++j) {
            const bool goes = work.gone != nullptr && work.gone[row * work.gone_stride + j] != 0;
            work.scores[row * work.cols + j] =
                goes ? 0.0F
                     : score_of(work.weights[row * work.stride + j],
                                work.factor[j * (work.factor_stride + 1)]);
        }
    }
}

void count_by_bits(const MagnitudeCount& work, TouchedMemory& memory) {
    memory.expect(work.bits >= 1 && work.bits <= 12, "bits");
    memory.expect(work.undecided >= work.bits && work.undecided <= 32, "undecided bits");
    const std::uint32_t bins = std::uint32_t{1} << work.bits;
    memory.reads(work.values, work.count, "values");
    memory.reads(work.gone, work.gone == nullptr ? 0 : work.count, "gone");
    memory.writes(work.counts, bins, "counts");
    memory.end();
    std::fill_n(work.counts, bins, 0U);
    for (std::int64_t i = 0; i < work.count; ++i) {
        const bool goes = work.gone != nullptr && work.gone[i] != 0;
        const std::uint32_t key = kernels::bits_of_float(goes ? 0.0F : std::abs(work.values[i]));
        if (std::uint64_t{key} >> work.undecided == work.decided) {
            ++work.counts[key >> (work.undecided - work.bits) & (bins - 1)];
        }
    }
}

void sweep_panel(const PanelSweep& work, TouchedMemory& memory) {
    memory.expect(work.cols <= PanelSweep::kWidest, "too wide a panel");
    memory.expect(work.group == 0 || (work.group >= 2 && work.group <= kLargestFakeGroup &&
                                      work.removed >= 0 && work.removed <= work.group),
                  "no such groups");
    memory.writes_rows(work.weights, work.rows, work.cols, work.stride, "weights");
    memory.reads_rows(work.factor, work.cols, work.cols, work.factor_stride, "factor");
    if (work.gone != nullptr) {
        memory.reads_rows(work.gone, work.rows, work.cols, work.gone_stride, "gone");
    }
    memory.writes_rows(work.errors, work.rows, work.cols, work.error_stride, "errors");
    memory.end();
    for (std::int64_t row = 0; row < work.rows; ++row) {
        sweep_row(work, row);
    }
}
