#include "unpack.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::model {
namespace {

/// Codes and scales that are read at a time: long enough pieces for a file system, and small
/// enough for a second-level cache.
constexpr std::int64_t kScratchBytes = std::int64_t{1} << 20;
constexpr std::size_t kValueBytes = 2;  // of bfloat16

std::size_t index_of(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

std::uint64_t bytes_at(std::int64_t value) {
    return static_cast<std::uint64_t>(value);
}

std::int64_t width_of(ScaleCode scale) {
    switch (scale) {
        case ScaleCode::none:
            return 0;
        case ScaleCode::float32:
            return 4;
        case ScaleCode::float16:
        case ScaleCode::bfloat16:
            return 2;
        case ScaleCode::power:
            return 1;
    }
    return 0;
}

void widen_scales(std::span<const std::byte> stored, ScaleCode code, std::span<float> out) {
    switch (code) {
        case ScaleCode::none:
            std::ranges::fill(out, 1.0F);
            break;
        case ScaleCode::float32:
            support::widen(stored, support::ScalarType::float32, out);
            break;
        case ScaleCode::float16:
            support::widen(stored, support::ScalarType::float16, out);
            break;
        case ScaleCode::bfloat16:
            support::widen(stored, support::ScalarType::bfloat16, out);
            break;
        case ScaleCode::power:
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i] = support::float8_e8m0_to_float(static_cast<std::uint8_t>(stored[i]));
            }
            break;
    }
}

using Values8 = std::array<float, 256>;

Values8 values_of(float (*value)(std::uint8_t)) {
    Values8 values;
    for (std::size_t bits = 0; bits < values.size(); ++bits) {
        values[bits] = value(static_cast<std::uint8_t>(bits));
    }
    return values;
}

const Values8& values_of(PackedCode code) {
    static const Values8 e4m3 = values_of(support::float8_e4m3_to_float);
    static const Values8 e5m2 = values_of(support::float8_e5m2_to_float);
    return code == PackedCode::float8_e5m2 ? e5m2 : e4m3;
}

/// bfloat16 of each E2M1 value with each scale.
using Values4 = std::array<std::array<std::uint16_t, 16>, 256>;

Values4 make_values4() {
    constexpr std::array<float, 8> kE2M1{0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F};
    Values4 values;
    for (std::size_t scale = 0; scale < values.size(); ++scale) {
        const float factor = support::float8_e8m0_to_float(static_cast<std::uint8_t>(scale));
        for (std::size_t bits = 0; bits < 16; ++bits) {
            const float magnitude = kE2M1[bits & 7U];
            values[scale][bits] =
                support::float_to_bfloat16((bits & 8U ? -magnitude : magnitude) * factor);
        }
    }
    return values;
}

/// A tensor as a matrix of values, `width` of them in a row: in these pieces a part of it is
/// decoded.
class Unpacker {
  public:
    Unpacker(const TensorInfo& tensor, const ShardBytes& read)
        : tensor_(tensor), form_(*tensor.packed), read_(read) {}

    std::int64_t width() const {
        return form_.code == PackedCode::mxfp4 ? form_.matrix_rows : form_.cols;
    }

    void decode(const linalg::Rectangle& part, std::span<std::byte> out) {
        form_.code == PackedCode::mxfp4 ? decode_transposed(part, out) : decode_rows(part, out);
    }

  private:
    /// Float8: some rows and columns after others.
    void decode_rows(const linalg::Rectangle& part, std::span<std::byte> out) {
        const std::int64_t most_cols = std::min(part.cols(), kScratchBytes);
        const std::int64_t most_rows = std::max<std::int64_t>(
            1, kScratchBytes / (most_cols + form_.grid_cols * width_of(form_.scale)));
        for (std::int64_t row = part.row_begin; row < part.row_end; row += most_rows) {
            const std::int64_t row_end = std::min(row + most_rows, part.row_end);
            read_scales(row, row_end);
            for (std::int64_t col = part.col_begin; col < part.col_end; col += most_cols) {
                const std::int64_t col_end = std::min(col + most_cols, part.col_end);
                const linalg::Rectangle piece{row, row_end, col, col_end};
                read_codes(piece);
                decode_piece(piece, part, out);
            }
        }
    }

    /// The row of scales that a row of codes has, in the stack of all grids.
    std::int64_t grid_row(std::int64_t row) const {
        return row / form_.matrix_rows * form_.grid_rows +
               row % form_.matrix_rows / form_.block_rows;
    }

    void read_scales(std::int64_t row, std::int64_t row_end) {
        if (form_.scale == ScaleCode::none) {
            return;
        }
        first_grid_row_ = grid_row(row);
        const std::int64_t count = (grid_row(row_end - 1) + 1 - first_grid_row_) * form_.grid_cols;
        stored_scales_.resize(index_of(count * width_of(form_.scale)));
        read_(form_.scale_shard,
              form_.scale_offset +
                  bytes_at(first_grid_row_ * form_.grid_cols * width_of(form_.scale)),
              stored_scales_);
        scales_.resize(index_of(count));
        widen_scales(stored_scales_, form_.scale, scales_);
    }

    void read_codes(const linalg::Rectangle& piece) {
        codes_.resize(index_of(piece.size()));
        const std::uint64_t first = tensor_.offset + bytes_at(piece.row_begin * form_.cols);
        if (piece.cols() == form_.cols) {
            read_(tensor_.shard, first, codes_);
            return;
        }
        for (std::int64_t row = 0; row < piece.rows(); ++row) {
            read_(tensor_.shard, first + bytes_at(row * form_.cols + piece.col_begin),
                  std::span(codes_).subspan(index_of(row * piece.cols()), index_of(piece.cols())));
        }
    }

    void decode_piece(const linalg::Rectangle& piece, const linalg::Rectangle& part,
                      std::span<std::byte> out) const {
        const std::byte* code = codes_.data();
        for (std::int64_t row = piece.row_begin; row < piece.row_end; ++row) {
            std::byte* to =
                out.data() + kValueBytes * index_of((row - part.row_begin) * part.cols() +
                                                    piece.col_begin - part.col_begin);
            for (std::int64_t col = piece.col_begin; col < piece.col_end;) {
                std::int64_t end = piece.col_end;
                float scale = 1;
                if (form_.scale != ScaleCode::none) {
                    const std::int64_t block = col / form_.block_cols;
                    end = std::min(end, (block + 1) * form_.block_cols);
                    scale = scales_[index_of((grid_row(row) - first_grid_row_) * form_.grid_cols +
                                             block)];
                }
                const std::size_t count = index_of(end - col);
                decode_run(code, count, scale, to);
                code += count;
                to += kValueBytes * count;
                col = end;
            }
        }
    }

    /// Codes with one scale.
    void decode_run(const std::byte* codes, std::size_t count, float scale, std::byte* to) const {
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint16_t bits =
                support::float_to_bfloat16(values_[static_cast<std::size_t>(codes[i])] * scale);
            std::memcpy(to + kValueBytes * i, &bits, kValueBytes);
        }
    }

    /// MXFP4: expert after expert, some outputs (stored rows, columns of the tensor) after others.
    void decode_transposed(const linalg::Rectangle& part, std::span<std::byte> out) {
        const std::int64_t inputs = form_.cols;
        for (std::int64_t row = part.row_begin; row < part.row_end;) {
            const std::int64_t expert = row / inputs;
            const std::int64_t row_end = std::min(part.row_end, (expert + 1) * inputs);
            decode_expert(expert, {row, row_end, part.col_begin, part.col_end},
                          out.subspan(kValueBytes * index_of((row - part.row_begin) * part.cols()),
                                      kValueBytes * index_of((row_end - row) * part.cols())));
            row = row_end;
        }
    }

    void decode_expert(std::int64_t expert, const linalg::Rectangle& part,
                       std::span<std::byte> out) {
        static const Values4 values = make_values4();
        const std::int64_t row_bytes = form_.cols / 2;
        const std::int64_t most =
            std::max<std::int64_t>(1, kScratchBytes / (row_bytes + form_.grid_cols));
        for (std::int64_t col = part.col_begin; col < part.col_end; col += most) {
            const std::int64_t count = std::min(most, part.col_end - col);
            const std::int64_t stored_row = expert * form_.matrix_rows + col;
            codes_.resize(index_of(count * row_bytes));
            read_(tensor_.shard, tensor_.offset + bytes_at(stored_row * row_bytes), codes_);
            stored_scales_.resize(index_of(count * form_.grid_cols));
            read_(form_.scale_shard, form_.scale_offset + bytes_at(stored_row * form_.grid_cols),
                  stored_scales_);
            for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                const std::int64_t input = row % form_.cols;
                const std::byte* code = codes_.data() + input / 2;
                const std::byte* scale = stored_scales_.data() + input / form_.block_cols;
                std::byte* to =
                    out.data() + kValueBytes * index_of((row - part.row_begin) * part.cols() + col -
                                                        part.col_begin);
                const int shift = input % 2 == 0 ? 0 : 4;
                for (std::int64_t i = 0; i < count; ++i) {
                    const auto nibble = static_cast<std::size_t>(*code >> shift) & std::size_t{15};
                    std::memcpy(to, &values[static_cast<std::size_t>(*scale)][nibble], kValueBytes);
                    code += row_bytes;
                    scale += form_.grid_cols;
                    to += kValueBytes;
                }
            }
        }
    }

    const TensorInfo& tensor_;
    const PackedForm& form_;
    const ShardBytes& read_;
    const Values8& values_ = values_of(form_.code);
    std::vector<std::byte> codes_;
    std::vector<std::byte> stored_scales_;
    std::vector<float> scales_;
    std::int64_t first_grid_row_ = 0;  ///< of those in scales_
};

/// Consecutive values, which may begin and end within rows of the unpacker's matrix.
void decode_range(Unpacker& unpacker, std::int64_t first, std::int64_t last,
                  std::span<std::byte> out) {
    const std::int64_t width = unpacker.width();
    while (first < last) {
        const std::int64_t row = first / width;
        const std::int64_t col = first % width;
        linalg::Rectangle piece{row, row + 1, col, std::min(width, col + last - first)};
        if (col == 0 && last - first >= width) {
            piece = {row, row + (last - first) / width, 0, width};
        }
        const std::size_t bytes = kValueBytes * index_of(piece.size());
        unpacker.decode(piece, out.first(bytes));
        out = out.subspan(bytes);
        first += piece.size();
    }
}

}  // namespace

void read_packed(const TensorInfo& tensor, const linalg::Rectangle& part, const ShardBytes& read,
                 std::span<std::byte> out) {
    assert(tensor.packed && out.size() == kValueBytes * index_of(part.size()));
    if (part.size() == 0) {
        return;
    }
    Unpacker unpacker(tensor, read);
    const std::int64_t length = tensor.row_length();
    if (length == unpacker.width()) {
        unpacker.decode(part, out);
    } else if (part.cols() == length) {
        decode_range(unpacker, part.row_begin * length, part.row_end * length, out);
    } else {
        const std::size_t row_bytes = kValueBytes * index_of(part.cols());
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            decode_range(unpacker, row * length + part.col_begin, row * length + part.col_end,
                         out.first(row_bytes));
            out = out.subspan(row_bytes);
        }
    }
}

}  // namespace alphaprune::model
