#pragma once

#include <cstdint>

namespace alphaprune::model {

/// How the file holds a value of a tensor that is packed.
enum class PackedCode : std::uint8_t {
    float8_e4m3,
    float8_e5m2,
    /// OCP Microscaling: two E2M1 values a byte, the low half first, and the matrix transposed.
    mxfp4,
};

/// How the file holds a scale. `power` is a byte b for 2^(b - 127).
enum class ScaleCode : std::uint8_t { none, float32, float16, bfloat16, power };

/// Where the values of a tensor lie whose file holds 8 or 4 bits of each, and scales beside them:
/// a value is code × scale in float32, rounded to bfloat16, as transformers dequantizes. The
/// tensor itself is described as the model has it (TensorInfo: BF16, with the shape that results);
/// only whoever reads the file looks here (docs/methods.md).
struct PackedForm {
    PackedCode code = PackedCode::float8_e4m3;
    /// Of the codes, row-major, as they are stored. Of MXFP4 a row has the values that share an
    /// output, whereas they share an input in a row of the tensor.
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    /// Stacked matrices (experts) have scales of their own; otherwise all rows.
    std::int64_t matrix_rows = 0;

    ScaleCode scale = ScaleCode::none;
    int scale_shard = 0;             ///< as TensorInfo::shard
    std::uint64_t scale_offset = 0;  ///< as TensorInfo::offset
    std::int64_t grid_rows = 0;      ///< scales of a matrix: grid_rows × grid_cols, row-major,
    std::int64_t grid_cols = 0;
    std::int64_t block_rows = 0;  ///< each for so many rows and columns, the last ones for fewer
    std::int64_t block_cols = 0;

    /// Of the codes in the file.
    std::uint64_t bytes() const {
        const auto values = static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols);
        return code == PackedCode::mxfp4 ? values / 2 : values;
    }
};

}  // namespace alphaprune::model
