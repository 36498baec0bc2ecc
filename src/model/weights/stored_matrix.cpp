#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/weight_reader.hpp"

namespace alphaprune::model {
namespace {

/// Bytes of one read: enough for the full speed of a file system, little compared with a matrix.
constexpr std::uint64_t kReadBytes = 16U << 20;

std::size_t as_size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

bool contains(const linalg::Rectangle& whole, const linalg::Rectangle& part) {
    return whole.row_begin <= part.row_begin && part.row_end <= whole.row_end &&
           whole.col_begin <= part.col_begin && part.col_end <= whole.col_end;
}

/// A rectangle of a matrix and its stored bytes, row after row.
struct Strip {
    linalg::Rectangle part;
    std::vector<std::byte> bytes;

    /// The values of a rectangle inside of it, row after row.
    template <class Real>
    void widen(const linalg::Rectangle& inner, support::ScalarType type,
               std::span<Real> out) const {
        const std::size_t value_bytes = support::size_of(type);
        // As many values at a time as lie there without a gap.
        const std::int64_t count = inner.cols() == part.cols() ? inner.size() : inner.cols();
        std::int64_t first =
            (inner.row_begin - part.row_begin) * part.cols() + inner.col_begin - part.col_begin;
        for (std::int64_t at = 0; at < inner.size(); at += count, first += part.cols()) {
            support::widen(std::span(bytes).subspan(as_size(first) * value_bytes,
                                                    as_size(count) * value_bytes),
                           type, out.subspan(as_size(at), as_size(count)));
        }
    }
};

/// Groups go through the columns of a wide matrix a few hundred bytes of a row at a time, a slow
/// access pattern for every file system. So much longer pieces of the rows are read, and kept until
/// all of their columns have been asked for.
class ColumnStrips {
  public:
    /// @param ranks  that share the matrix, each with rows of its own; 1: nothing is kept
    ColumnStrips(WeightReader& reader, const TensorInfo& tensor, int ranks)
        : reader_(reader), tensor_(tensor) {
        if (ranks > 1) {
            const std::uint64_t column =
                static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.rows(), 1)) *
                support::size_of(tensor.scalar_type());
            longest_ = static_cast<std::int64_t>(kStripBytes / column) * ranks;
        }
    }

    /// The strip that contains the rectangle, read if need be; nullptr where keeping one gains
    /// nothing or takes more than kStripBytes.
    const Strip* with(const linalg::Rectangle& part) {
        if (longest_ <= part.cols() || part.cols() == tensor_.row_length()) {
            return nullptr;
        }
        Strip& strip = strips_[part.row_begin];
        if (contains(strip.part, part)) {
            return &strip;
        }
        linalg::Rectangle wide = part;
        wide.col_end = std::min(part.col_begin + longest_, tensor_.row_length());
        const std::size_t bytes =
            static_cast<std::size_t>(wide.size()) * support::size_of(tensor_.scalar_type());
        kept_ -= strip.bytes.size();
        strip = {};
        if (kept_ + bytes > kStripBytes) {
            return nullptr;
        }
        strip.bytes.resize(bytes);
        kept_ += bytes;
        reader_.read_part(tensor_, wide, strip.bytes);
        strip.part = wide;
        return &strip;
    }

  private:
    WeightReader& reader_;
    const TensorInfo& tensor_;
    std::int64_t longest_ = 0;              ///< columns of a strip
    std::size_t kept_ = 0;                  ///< bytes, in all strips
    std::map<std::int64_t, Strip> strips_;  ///< by their first row
};

class StoredMatrix : public linalg::MatrixSource {
  public:
    StoredMatrix(WeightReader& reader, const MatrixInfo& matrix, bool whole, int ranks)
        : reader_(reader),
          matrix_(matrix),
          tensor_(as_matrix_rows(reader.catalogue().tensor_of(matrix))),
          first_row_(first_row_of_expert(matrix, reader.catalogue().tensor_of(matrix))),
          type_(tensor_.scalar_type()),
          whole_(whole),
          strips_(reader, tensor_, ranks) {}

    std::int64_t rows() const override { return matrix_.rows; }
    std::int64_t cols() const override { return matrix_.cols; }
    std::string name() const override { return place_of(reader_.catalogue(), tensor_); }

    void read(const linalg::Rectangle& part, std::span<double> out) override { load(part, out); }
    void read_single(const linalg::Rectangle& part, std::span<float> out) override {
        load(part, out);
    }
    std::optional<linalg::GeneratedValues> generated() override {
        const bool is_all = rows() == tensor_.rows() && cols() == tensor_.row_length();
        return is_all ? reader_.generated(tensor_) : std::nullopt;
    }
    support::ScalarType stored_type() const override { return type_; }
    void read_stored(std::int64_t row_begin, std::int64_t row_end,
                     std::span<std::byte> out) override {
        read_bytes({row_begin, row_end, 0, cols()}, out);
    }

  private:
    template <class Real>
    void load(const linalg::Rectangle& part, std::span<Real> out) {
        assert(part.row_begin <= part.row_end && part.col_begin <= part.col_end &&
               contains({0, rows(), 0, cols()}, part) && std::ssize(out) == part.size());
        if (part.size() == 0) {
            return;
        }
        if (whole_) {
            kept().widen(part, type_, out);
        } else if (has_some_columns()) {
            read_widened(part, out);
        } else {
            for_each_rows(part, [&](const linalg::Rectangle& rows, std::int64_t first) {
                load_rows(rows, out.subspan(as_size(first), as_size(rows.size())));
            });
        }
    }

    /// @param part  of the tensor
    template <class Real>
    void load_rows(const linalg::Rectangle& part, std::span<Real> out) {
        if (const Strip* const strip = strips_.with(part)) {
            strip->widen(part, type_, out);
            return;
        }
        read_slabs(part, [&](const linalg::Rectangle& slab) {
            buffer_.resize(bytes_of(slab));
            reader_.read_part(tensor_, slab, buffer_);
            support::widen(buffer_, type_,
                           out.subspan(as_size((slab.row_begin - part.row_begin) * part.cols()),
                                       as_size(slab.size())));
        });
    }

    template <class Real>
    void read_widened(const linalg::Rectangle& part, std::span<Real> out) {
        read_slabs(part, [&](const linalg::Rectangle& slab) {
            buffer_.resize(bytes_of(slab));
            read_columns(slab, buffer_);
            support::widen(buffer_, type_,
                           out.subspan(as_size((slab.row_begin - part.row_begin) * part.cols()),
                                       as_size(slab.size())));
        });
    }

    /// Read once from end to end, and then served from memory.
    const Strip& kept() {
        if (kept_.bytes.empty()) {
            Strip strip{{0, rows(), 0, cols()}, {}};
            strip.bytes.resize(bytes_of(strip.part));
            read_bytes(strip.part, strip.bytes);
            kept_ = std::move(strip);
        }
        return kept_;
    }

    /// Whole rows of the matrix as they are stored, one after another.
    void read_bytes(const linalg::Rectangle& part, std::span<std::byte> rest) {
        const auto take = [&](std::size_t bytes) {
            const auto taken = rest.first(bytes);
            rest = rest.subspan(bytes);
            return taken;
        };
        if (has_some_columns()) {
            read_slabs(part, [&](const linalg::Rectangle& slab) {
                read_columns(slab, take(bytes_of(slab)));
            });
            return;
        }
        for_each_rows(part, [&](const linalg::Rectangle& rows, std::int64_t) {
            read_slabs(rows, [&](const linalg::Rectangle& slab) {
                reader_.read_part(tensor_, slab, take(bytes_of(slab)));
            });
        });
    }

    /// A slice of a matrix that is stored as inputs × outputs.
    bool has_some_columns() const { return cols() != tensor_.row_length(); }

    /// Calls use(part of the tensor, its first value in the part of the matrix) for the runs of
    /// rows in which that lies.
    template <class Use>
    void for_each_rows(const linalg::Rectangle& part, Use&& use) const {
        const OutputPattern all;
        for_each_run(matrix_.transposed ? all : matrix_.pattern, {part.row_begin, part.row_end},
                     [&](std::int64_t row, std::int64_t stored, std::int64_t count) {
                         const std::int64_t first = first_row_ + stored;
                         use(linalg::Rectangle{first, first + count, part.col_begin, part.col_end},
                             (row - part.row_begin) * part.cols());
                     });
    }

    /// Of columns that lie scattered, or are short, more is read than is asked for, but in long
    /// pieces.
    void read_columns(const linalg::Rectangle& part, std::span<std::byte> out) {
        constexpr std::uint64_t kWorthSkipping = 64U << 10;
        const std::size_t value_bytes = support::size_of(type_);
        linalg::Rectangle read{first_row_ + part.row_begin, first_row_ + part.row_end,
                               matrix_.pattern.stored(part.col_begin),
                               matrix_.pattern.stored(part.col_end - 1) + 1};
        if (as_size(read.cols()) * value_bytes < kWorthSkipping) {
            read.col_begin = 0;
            read.col_end = tensor_.row_length();
        }
        read_slabs(read, [&](const linalg::Rectangle& slab) {
            columns_.resize(bytes_of(slab));
            reader_.read_part(tensor_, slab, columns_);
            const std::byte* row = columns_.data();
            for (std::int64_t i = 0; i < slab.rows(); ++i) {
                for_each_run(matrix_.pattern, {part.col_begin, part.col_end},
                             [&](std::int64_t, std::int64_t stored, std::int64_t count) {
                                 const std::size_t bytes = as_size(count) * value_bytes;
                                 std::memcpy(out.data(),
                                             row + as_size(stored - slab.col_begin) * value_bytes,
                                             bytes);
                                 out = out.subspan(bytes);
                             });
                row += as_size(slab.cols()) * value_bytes;
            }
        });
    }

    /// Calls read for some rows of the part after another.
    template <class Read>
    void read_slabs(linalg::Rectangle part, Read&& read) const {
        parallel::for_each_slab(
            {part.row_begin, part.row_end}, as_size(part.cols()) * support::size_of(type_),
            [&](parallel::RowRange slab) {
                read(linalg::Rectangle{slab.begin, slab.end, part.col_begin, part.col_end});
            },
            kReadBytes);
    }

    std::size_t bytes_of(const linalg::Rectangle& part) const {
        return as_size(part.size()) * support::size_of(type_);
    }

    WeightReader& reader_;
    MatrixInfo matrix_;
    TensorInfo tensor_;
    std::int64_t first_row_;  ///< of the tensor that is the stored matrix'
    support::ScalarType type_;
    bool whole_;
    Strip kept_;
    ColumnStrips strips_;
    std::vector<std::byte> buffer_;
    std::vector<std::byte> columns_;
};

}  // namespace

std::unique_ptr<linalg::MatrixSource> make_matrix_source(WeightReader& reader,
                                                         const MatrixInfo& matrix, bool whole,
                                                         int ranks) {
    return std::make_unique<StoredMatrix>(reader, matrix, whole, ranks);
}

}  // namespace alphaprune::model
