#pragma once

#include <cstdint>

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

}  // namespace alphaprune::parallel
