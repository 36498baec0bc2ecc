// Compiled for AVX-512 where there is bfloat16 arithmetic on x86-64: nothing here may be inlined
// from or shared with other files, which must run anywhere. So there are plain loops only.
#include "bf16_parts.hpp"

namespace alphaprune::linalg {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kInfinity = 0x7F800000U;
constexpr std::uint32_t kQuiet = 0x00400000U;
constexpr std::uint32_t kLargest = 0x7F7F0000U;  // of bfloat16

inline std::uint32_t bits_of(float value) {
    return __builtin_bit_cast(std::uint32_t, value);
}

inline std::uint32_t larger(std::uint32_t one, std::uint32_t other) {
    return one < other ? other : one;
}

/// As float32, whose lower half is zero.
inline std::uint32_t rounded(std::uint32_t bits) {
    const std::uint32_t nearest = (bits + 0x7FFFU + ((bits >> 16) & 1U)) & 0xFFFF0000U;
    return (bits & ~kSign) > kInfinity ? (bits | kQuiet) & 0xFFFF0000U : nearest;
}

struct SplitBits {
    std::uint32_t hi;
    std::uint32_t lo;
};

inline SplitBits split(float value) {
    const std::uint32_t bits = bits_of(value);
    const bool finite = (bits & kInfinity) != kInfinity;
    const std::uint32_t nearest = rounded(bits);
    const bool overflows = finite && (nearest & kInfinity) == kInfinity;
    const std::uint32_t hi = overflows ? (bits & kSign) | kLargest : nearest;
    const std::uint32_t rest = rounded(bits_of(value - __builtin_bit_cast(float, hi)));
    return {hi, finite ? rest : 0U};
}

/// kInputGroup inputs of one output go to every kStripOutputs-th pair.
constexpr int kGroup = static_cast<int>(kInputGroup);
constexpr int kPairs = kGroup / 2;

inline void store_pairs(const std::uint32_t* bits, Bf16Pair* to) {
    for (std::int64_t pair = 0; pair < kPairs; ++pair) {
        to[pair * kStripOutputs] = (bits[2 * pair] >> 16) | bits[2 * pair + 1];
    }
}

void pack_group(const float* values, int count, TwoParts<Bf16Pair> to) {
    float group[kGroup] = {};
    for (int i = 0; i < count; ++i) {
        group[i] = values[i];
    }
    std::uint32_t upper[kGroup];
    std::uint32_t lower[kGroup];
    if (to.lo == nullptr) {
        for (int i = 0; i < kGroup; ++i) {
            upper[i] = rounded(bits_of(group[i]));
        }
    } else {
        for (int i = 0; i < kGroup; ++i) {
            const SplitBits parts = split(group[i]);
            upper[i] = parts.hi;
            lower[i] = parts.lo;
        }
        store_pairs(lower, to.lo);
    }
    store_pairs(upper, to.hi);
}

}  // namespace

bool split_values(const float* values, std::int64_t count, TwoParts<Bf16> to) {
    std::uint32_t largest = 0;  // as bits, by size; infinity and NaN are above all numbers
    if (to.lo == nullptr) {
        for (std::int64_t i = 0; i < count; ++i) {
            const std::uint32_t bits = bits_of(values[i]);
            largest = larger(largest, bits & ~kSign);
            to.hi[i] = static_cast<Bf16>(rounded(bits) >> 16);
        }
    } else {
        for (std::int64_t i = 0; i < count; ++i) {
            const SplitBits parts = split(values[i]);
            largest = larger(largest, bits_of(values[i]) & ~kSign);
            to.hi[i] = static_cast<Bf16>(parts.hi >> 16);
            to.lo[i] = static_cast<Bf16>(parts.lo >> 16);
        }
    }
    return largest < kInfinity;
}

void pack_strip(const float* rows, std::int64_t outputs, std::int64_t inputs, std::int64_t stride,
                TwoParts<Bf16Pair> to) {
    const std::int64_t groups = (inputs + kGroup - 1) / kGroup;
    for (std::int64_t group = 0; group < groups; ++group) {
        const std::int64_t first = group * kGroup;
        const std::int64_t left = inputs - first;
        for (std::int64_t output = 0; output < kStripOutputs; ++output) {
            const bool there = output < outputs;
            const std::int64_t at = group * kPairs * kStripOutputs + output;
            pack_group(there ? rows + output * stride + first : rows,
                       there ? static_cast<int>(left < kGroup ? left : kGroup) : 0,
                       {to.hi + at, to.lo == nullptr ? nullptr : to.lo + at});
        }
    }
}

}  // namespace alphaprune::linalg
