#include "fake_choices.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "cuda/spectrum_kernels.hpp"

using namespace alphaprune::linalg;

namespace {

bool is_gone(const std::uint8_t* gone, std::int64_t i) {
    return gone != nullptr && gone[i] != 0;
}

}  // namespace

std::uint32_t lowest_of(const float* scores, int width, int removed) {
    std::uint32_t lowest = 0;
    for (int i = 0; i < width; ++i) {
        int before = 0;
        for (int other = 0; other < width; ++other) {
            before += scores[other] < scores[i] || (scores[other] == scores[i] && other < i);
        }
        lowest |= before < removed ? std::uint32_t{1} << i : 0U;
    }
    return lowest;
}

void choose_above(const LargerChoice& work, TouchedMemory& memory) {
    memory.reads(work.values, work.count, "values");
    memory.reads(work.gone, work.gone == nullptr ? 0 : work.count, "gone");
    memory.writes(work.stays, work.count, "stays");
    memory.end();
    std::int64_t equals = 0;
    for (std::int64_t i = 0; i < work.count; ++i) {
        const bool gone = is_gone(work.gone, i);
        const std::uint32_t bits = gone ? 0 : kernels::bits_of_float(std::abs(work.values[i]));
        bool stays = bits > work.bound;
        if (bits == work.bound) {
            stays = work.equals_to_go >= 0 && equals >= work.equals_to_go;
            ++equals;
        }
        work.stays[i] = stays && !gone ? 1 : 0;
    }
}

void choose_by_group(const GroupChoice& work, TouchedMemory& memory) {
    memory.expect(work.rows >= 0 && work.cols >= 0, "a negative size");
    memory.expect(work.group >= 2 && work.group <= kLargestFakeGroup && work.removed >= 0 &&
                      work.removed <= work.group,
                  "no such groups");
    const std::int64_t count = work.rows * work.cols;
    memory.reads(work.values, count, "values");
    memory.reads(work.gone, work.gone == nullptr ? 0 : count, "gone");
    memory.writes(work.stays, count, "stays");
    memory.end();
    for (std::int64_t row = 0; row < work.rows; ++row) {
        for (std::int64_t first = 0; first < work.cols; first += work.group) {
            const int width =
                static_cast<int>(std::min<std::int64_t>(work.group, work.cols - first));
            const std::int64_t at = row * work.cols + first;
            std::array<float, kLargestFakeGroup> magnitudes{};
            for (int i = 0; i < width; ++i) {
                magnitudes[static_cast<std::size_t>(i)] =
                    is_gone(work.gone, at + i) ? -1.0F : std::abs(work.values[at + i]);
            }
            const std::uint32_t lowest =
                lowest_of(magnitudes.data(), width, width * work.removed / work.group);
            for (int i = 0; i < width; ++i) {
                const bool goes = (lowest >> i & 1U) != 0 || is_gone(work.gone, at + i);
                work.stays[at + i] = goes ? 0 : 1;
            }
        }
    }
}

void sum_chosen(const ChosenSum& work, TouchedMemory& memory) {
    if (work.base != work.out) {
        memory.reads(work.base, work.base == nullptr ? 0 : work.count, "base");
    }
    if (work.values != work.out) {
        memory.reads(work.values, work.count, "values");
    }
    memory.reads(work.stays, work.count, "stays");
    memory.writes(work.out, work.count, "out");
    memory.end();
    for (std::int64_t i = 0; i < work.count; ++i) {
        const float factor = work.stays[i] != 0 ? work.if_stays : work.if_goes;
        const float base = work.base == nullptr ? 0.0F : work.base[i];
        work.out[i] = factor == 0 ? base : base + factor * work.values[i];
    }
}

std::int64_t take_support(const SupportLook& work, TouchedMemory& memory) {
    memory.reads(work.values, work.count, "values");
    memory.reads(work.stays, work.count, "stays");
    memory.writes(work.support, work.count, "support");
    memory.end();
    std::int64_t changed = 0;
    for (std::int64_t i = 0; i < work.count; ++i) {
        const std::uint8_t now = work.values[i] != 0 && work.stays[i] != 0 ? 1 : 0;
        changed += now != work.support[i] ? 1 : 0;
        work.support[i] = now;
    }
    return changed;
}
