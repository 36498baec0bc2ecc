#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::linalg {

/// Rows [row_begin, row_end) and columns [col_begin, col_end) of a matrix.
struct Rectangle {
    std::int64_t row_begin = 0;
    std::int64_t row_end = 0;
    std::int64_t col_begin = 0;
    std::int64_t col_end = 0;

    std::int64_t rows() const { return row_end - row_begin; }
    std::int64_t cols() const { return col_end - col_begin; }
    std::int64_t size() const { return rows() * cols(); }
};

/// How the values of a matrix are made that lies nowhere: value (i, j) is
/// row_scales[i] · col_scales[j] · bell(random_bits(row_key(key, i), j)) in float32, with the
/// functions of support/random_draw.hpp, rounded to the type it is stored in.
struct GeneratedValues {
    std::uint64_t key = 0;
    std::span<const float> row_scales;
    std::span<const float> col_scales;
};

/// A matrix that is read piece by piece, from wherever it lies: the linear algebra pulls what it
/// needs, and no more. Each rank has a source of its own for the same matrix.
class MatrixSource {
  public:
    virtual ~MatrixSource() = default;

    virtual std::int64_t rows() const = 0;
    virtual std::int64_t cols() const = 0;
    /// For messages: the tensor's name and its file.
    virtual std::string name() const = 0;

    /// Writes the rectangle row-major into `out` (size() values, leading dimension cols()).
    /// @throws Error when reading fails
    virtual void read(const Rectangle& part, std::span<double> out) = 0;
    /// The same in float32.
    virtual void read_single(const Rectangle& part, std::span<float> out) {
        std::vector<double> values(out.size());
        read(part, values);
        std::ranges::transform(values, out.begin(),
                               [](double value) { return static_cast<float>(value); });
    }

    /// For who makes values itself that are made, not read; nothing for all others. The scales are
    /// there until something else is read.
    virtual std::optional<GeneratedValues> generated() { return std::nullopt; }

    /// What read_stored gives.
    virtual support::ScalarType stored_type() const { return support::ScalarType::float64; }
    /// Fills `out` with whole rows, one after another, as they are stored: for who widens them
    /// itself.
    /// @param out  rows × cols() values of stored_type()
    /// @throws Error when reading fails
    virtual void read_stored(std::int64_t row_begin, std::int64_t row_end,
                             std::span<std::byte> out);
};

}  // namespace alphaprune::linalg
