#pragma once

#include <algorithm>
#include <cstdint>

#include "alphaprune/support/slabs.hpp"

namespace alphaprune::parallel {

/// A half-open range of rows (or of any items).
struct RowRange {
    std::int64_t begin = 0;
    std::int64_t end = 0;

    std::int64_t size() const { return end - begin; }
    bool empty() const { return begin == end; }
    friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// The part of `rows` that falls to `part` of `parts`: contiguous, in order, sizes differing by at
/// most one. Empty for the last parts when there are more parts than rows.
constexpr RowRange share_of(std::int64_t rows, int parts, int part) {
    const std::int64_t each = rows / parts;
    const std::int64_t larger = rows % parts;
    const auto begin_of = [&](std::int64_t p) { return p * each + (p < larger ? p : larger); };
    return {begin_of(part), begin_of(part + 1)};
}

/// The unit in which weights pass through a rank that need not hold them.
inline constexpr std::uint64_t kSlabBytes = 64U << 20;

/// Calls use(RowRange) for the consecutive slabs of `rows`, each of at most `slab_bytes`, but of
/// one row at least.
template <class Use>
void for_each_slab(RowRange rows, std::uint64_t row_bytes, Use&& use,
                   std::uint64_t slab_bytes = kSlabBytes) {
    const std::uint64_t fit = slab_bytes / std::max<std::uint64_t>(1, row_bytes);
    const auto step = static_cast<std::int64_t>(std::max<std::uint64_t>(1, fit));
    support::for_each_slab(rows.begin, rows.end, step, [&](std::int64_t begin, std::int64_t end) {
        use(RowRange{begin, end});
    });
}

}  // namespace alphaprune::parallel
