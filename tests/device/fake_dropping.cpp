#include "fake_dropping.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <vector>

#include "cuda/spectrum_kernels.hpp"

using alphaprune::transformer::card::Dropping;
namespace kernels = alphaprune::linalg::kernels;

namespace {

float score_at(const Dropping& work, std::int64_t row, std::int64_t col) {
    const double weight = kernels::widen_at(work.weights, work.type, row * work.cols + col);
    return std::abs(static_cast<float>(weight)) * work.scales[col];
}

/// So many of the `width` weights from this column on.
void drop_some(const Dropping& work, std::int64_t row, std::int64_t first, std::int64_t width,
               std::int64_t dropped) {
    std::vector<float> scores;
    for (std::int64_t i = 0; i < width; ++i) {
        scores.push_back(score_at(work, row, first + i));
    }
    std::vector<std::int64_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t one, std::int64_t other) {
        return scores[static_cast<std::size_t>(one)] < scores[static_cast<std::size_t>(other)];
    });
    const std::size_t size = kernels::bytes_of(work.type);
    for (std::int64_t i = 0; i < dropped; ++i) {
        const std::int64_t at = row * work.cols + first + order[static_cast<std::size_t>(i)];
        std::memset(static_cast<std::byte*>(work.weights) + static_cast<std::size_t>(at) * size, 0,
                    size);
    }
}

}  // namespace

const char* fault_of(const Dropping& work) {
    if (work.rows < 0 || work.cols < 0) {
        return "a negative size";
    }
    if (work.group == 0 && (work.dropped < 0 || work.dropped > work.cols)) {
        return "more is dropped than there is";
    }
    if (work.group != 0 && (work.group < 2 || work.group > 16 || work.removed < 0 ||
                            work.removed > work.group || work.dropped != 0)) {
        return "no such groups";
    }
    if (work.rows > 0 &&
        std::any_of(work.scales, work.scales + work.cols, [](float scale) { return scale < 0; })) {
        return "a negative scale";
    }
    return "";
}

std::int64_t drop_weights(const Dropping& work) {
    std::int64_t overflows = 0;
    for (std::int64_t row = 0; row < work.rows; ++row) {
        for (std::int64_t col = 0; col < work.cols; ++col) {
            overflows += std::isfinite(score_at(work, row, col)) ? 0 : 1;
        }
    }
    if (overflows > 0) {
        return overflows;
    }
    const std::int64_t step = work.group == 0 ? work.cols : work.group;
    for (std::int64_t row = 0; row < work.rows; ++row) {
        for (std::int64_t first = 0; first < work.cols; first += step) {
            const std::int64_t width = std::min(step, work.cols - first);
            drop_some(work, row, first, width,
                      work.group == 0 ? work.dropped : width * work.removed / work.group);
        }
    }
    return 0;
}
