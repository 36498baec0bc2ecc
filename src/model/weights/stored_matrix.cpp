#include <algorithm>
#include <cassert>
#include <map>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"

namespace alphaprune::model {
namespace {

/// Bytes of one read: enough for the full speed of a file system, little compared with a matrix.
constexpr std::uint64_t kReadBytes = 16U << 20;

std::size_t as_size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

/// A tensor that holds several matrices, as rows of one of them.
TensorInfo as_rows_of(const MatrixInfo& matrix, TensorInfo tensor) {
    tensor.shape = {tensor.values() / matrix.cols, matrix.cols};
    return tensor;
}

bool contains(const linalg::Rectangle& whole, const linalg::Rectangle& part) {
    return whole.row_begin <= part.row_begin && part.row_end <= whole.row_end &&
           whole.col_begin <= part.col_begin && part.col_end <= whole.col_end;
}

/// A rectangle of a matrix and its stored bytes, row after row.
struct Strip {
    linalg::Rectangle part;
    std::vector<std::byte> bytes;
};

/// Groups go through the columns of a wide matrix a few hundred bytes of a row at a time, a slow
/// access pattern for every file system. So much longer pieces of the rows are read, and kept until
/// all of their columns have been asked for.
class ColumnStrips {
  public:
    /// @param ranks  that share the matrix, each with rows of its own; 1: nothing is kept
    ColumnStrips(WeightReader& reader, const TensorInfo& tensor, int ranks);

    /// The strip that contains the rectangle, read if need be; nullptr where keeping one gains
    /// nothing or takes more than kStripBytes.
    const Strip* with(const linalg::Rectangle& part);

  private:
    WeightReader& reader_;
    const TensorInfo& tensor_;
    std::int64_t longest_ = 0;              ///< columns of a strip
    std::size_t kept_ = 0;                  ///< bytes, in all strips
    std::map<std::int64_t, Strip> strips_;  ///< by their first row
};

ColumnStrips::ColumnStrips(WeightReader& reader, const TensorInfo& tensor, int ranks)
    : reader_(reader), tensor_(tensor) {
    if (ranks > 1) {
        const std::uint64_t column =
            static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.rows(), 1)) *
            support::size_of(tensor.scalar_type());
        longest_ = static_cast<std::int64_t>(kStripBytes / column) * ranks;
    }
}

const Strip* ColumnStrips::with(const linalg::Rectangle& part) {
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

/// What both kinds of source have in common.
class StoredMatrix : public linalg::MatrixSource {
  public:
    StoredMatrix(WeightReader& reader, const MatrixInfo& matrix)
        : reader_(reader),
          tensor_(as_rows_of(matrix, reader.catalogue().tensor_of(matrix))),
          type_(tensor_.scalar_type()),
          matrix_(matrix) {}

    std::int64_t rows() const override { return matrix_.rows; }
    std::int64_t cols() const override { return matrix_.cols; }
    std::string name() const override { return place_of(reader_.catalogue(), tensor_); }

  protected:
    WeightReader& reader() { return reader_; }
    const TensorInfo& tensor() const { return tensor_; }
    support::ScalarType type() const { return type_; }
    std::size_t value_bytes() const { return support::size_of(type_); }

    /// A part of the matrix in rows of the tensor.
    linalg::Rectangle in_tensor(linalg::Rectangle part) const {
        part.row_begin += matrix_.first_row;
        part.row_end += matrix_.first_row;
        return part;
    }

    bool has(const linalg::Rectangle& part) const {
        return part.row_begin <= part.row_end && part.col_begin <= part.col_end &&
               contains({0, rows(), 0, cols()}, part);
    }

  private:
    WeightReader& reader_;
    TensorInfo tensor_;
    support::ScalarType type_;
    MatrixInfo matrix_;
};

/// Read once from end to end, and then served from memory.
class KeptMatrix : public StoredMatrix {
  public:
    using StoredMatrix::StoredMatrix;

    void read(const linalg::Rectangle& part, std::span<double> out) override { serve(part, out); }
    void read_single(const linalg::Rectangle& part, std::span<float> out) override {
        serve(part, out);
    }

  private:
    template <class Real>
    void serve(const linalg::Rectangle& part, std::span<Real> out) {
        assert(has(part) && std::ssize(out) == part.size());
        if (stored_.empty()) {
            fill();
        }
        const std::span<const std::byte> stored = stored_;
        if (part.cols() == cols()) {
            support::widen(stored.subspan(as_size(part.row_begin * cols()) * value_bytes(),
                                          out.size() * value_bytes()),
                           type(), out);
            return;
        }
        const std::size_t width = as_size(part.cols());
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            const std::size_t first = as_size(row * cols() + part.col_begin) * value_bytes();
            support::widen(stored.subspan(first, width * value_bytes()), type(),
                           out.subspan(as_size(row - part.row_begin) * width, width));
        }
    }

    void fill() {
        const std::uint64_t row_bytes = tensor().row_bytes();
        std::vector<std::byte> stored(as_size(rows()) * row_bytes);
        const auto read = [&](parallel::RowRange some) {
            reader().read_part(tensor(), in_tensor({some.begin, some.end, 0, cols()}),
                               std::span(stored).subspan(as_size(some.begin) * row_bytes,
                                                         as_size(some.size()) * row_bytes));
        };
        parallel::for_each_slab({0, rows()}, row_bytes, read, kReadBytes);
        stored_ = std::move(stored);
    }

    std::vector<std::byte> stored_;
};

/// Every rectangle is read when it is asked for.
class StreamedMatrix : public StoredMatrix {
  public:
    StreamedMatrix(WeightReader& reader, const MatrixInfo& matrix, int ranks)
        : StoredMatrix(reader, matrix), strips_(reader, tensor(), ranks) {}

    void read(const linalg::Rectangle& part, std::span<double> out) override { stream(part, out); }
    void read_single(const linalg::Rectangle& part, std::span<float> out) override {
        stream(part, out);
    }

  private:
    template <class Real>
    void stream(const linalg::Rectangle& asked, std::span<Real> out) {
        assert(has(asked) && std::ssize(out) == asked.size());
        if (asked.size() == 0) {
            return;
        }
        const linalg::Rectangle part = in_tensor(asked);
        const std::size_t width = as_size(part.cols());
        if (const Strip* const strip = strips_.with(part)) {
            for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                const std::int64_t first = (row - strip->part.row_begin) * strip->part.cols() +
                                           part.col_begin - strip->part.col_begin;
                support::widen(std::span(strip->bytes)
                                   .subspan(as_size(first) * value_bytes(), width * value_bytes()),
                               tensor().scalar_type(),
                               out.subspan(as_size(row - part.row_begin) * width, width));
            }
            return;
        }
        const auto read = [&](parallel::RowRange slab) {
            linalg::Rectangle some = part;
            some.row_begin = slab.begin;
            some.row_end = slab.end;
            buffer_.resize(as_size(some.size()) * value_bytes());
            reader().read_part(tensor(), some, buffer_);
            support::widen(
                buffer_, type(),
                out.subspan(as_size(slab.begin - part.row_begin) * width, as_size(some.size())));
        };
        parallel::for_each_slab({part.row_begin, part.row_end}, width * value_bytes(), read,
                                kReadBytes);
    }

    ColumnStrips strips_;
    std::vector<std::byte> buffer_;
};

}  // namespace

std::unique_ptr<linalg::MatrixSource> make_matrix_source(WeightReader& reader,
                                                         const MatrixInfo& matrix, bool whole,
                                                         int ranks) {
    if (whole) {
        return std::make_unique<KeptMatrix>(reader, matrix);
    }
    return std::make_unique<StreamedMatrix>(reader, matrix, ranks);
}

}  // namespace alphaprune::model
