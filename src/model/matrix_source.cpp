#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "column_strips.hpp"

namespace alphaprune::model {
namespace {

/// Bytes asked from the file system in one go: enough for its full speed, little beside a matrix.
constexpr std::uint64_t kSlabBytes = 16U << 20;

std::size_t as_size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

/// Rows that make one slab, one at least.
std::int64_t rows_in_slab(std::uint64_t row_bytes) {
    return static_cast<std::int64_t>(std::max<std::uint64_t>(1, kSlabBytes / row_bytes));
}

/// A tensor that holds several matrices, as rows of one of them.
TensorInfo as_rows_of(const MatrixInfo& matrix, TensorInfo tensor) {
    tensor.shape = {tensor.values() / matrix.cols, matrix.cols};
    return tensor;
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

    bool contains(const linalg::Rectangle& part) const {
        return part.row_begin >= 0 && part.row_begin <= part.row_end && part.row_end <= rows() &&
               part.col_begin >= 0 && part.col_begin <= part.col_end && part.col_end <= cols();
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
        assert(contains(part) && std::ssize(out) == part.size());
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
        const std::int64_t slab = rows_in_slab(row_bytes);
        for (std::int64_t row = 0; row < rows(); row += slab) {
            const linalg::Rectangle some{row, std::min(row + slab, rows()), 0, cols()};
            reader().read_part(tensor(), in_tensor(some),
                               std::span(stored).subspan(as_size(row) * row_bytes,
                                                         as_size(some.rows()) * row_bytes));
        }
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
        assert(contains(asked) && std::ssize(out) == asked.size());
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
        const std::int64_t slab = rows_in_slab(width * value_bytes());
        for (std::int64_t row = part.row_begin; row < part.row_end; row += slab) {
            linalg::Rectangle some = part;
            some.row_begin = row;
            some.row_end = std::min(row + slab, part.row_end);
            buffer_.resize(as_size(some.size()) * value_bytes());
            reader().read_part(tensor(), some, buffer_);
            support::widen(
                buffer_, type(),
                out.subspan(as_size(row - part.row_begin) * width, as_size(some.size())));
        }
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
