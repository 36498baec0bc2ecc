#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::model {

// Where the values of a matrix lie among those of its tensor.

/// The same tensor as rows of its last dimension: [experts, rows, cols] as experts × rows rows.
/// Whoever reads tensors reads them so, too.
TensorInfo as_matrix_rows(TensorInfo tensor);

/// Rows and columns that are stored for the matrix' expert, or of its tensor of two dimensions.
struct StoredShape {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};
/// @pre two dimensions or three
StoredShape stored_shape_of(const TensorInfo& tensor);

/// The first of as_matrix_rows that belongs to the matrix' expert.
std::int64_t first_row_of_expert(const MatrixInfo& matrix, const TensorInfo& tensor);

/// Calls use(first value, how many) for the runs in which the matrix' values lie among those of
/// some rows of its tensor, in their order.
/// @param rows  of the tensor, which is distributed by them: of three dimensions, whole experts
template <class Use>
void for_each_stored_run(const MatrixInfo& matrix, const TensorInfo& tensor,
                         parallel::RowRange rows, Use&& use) {
    const StoredShape stored = stored_shape_of(tensor);
    const std::int64_t each = tensor.shape.size() > 2 ? stored.rows : 1;
    // All as rows of the expert's stored matrix.
    const std::int64_t begin = rows.begin * each - first_row_of_expert(matrix, tensor);
    const std::int64_t end = rows.end * each - first_row_of_expert(matrix, tensor);
    const std::int64_t first = std::max<std::int64_t>(begin, 0);
    const std::int64_t last = std::min(end, stored.rows);
    if (matrix.transposed) {
        for (std::int64_t row = first; row < last; ++row) {
            for_each_run(matrix.pattern, {0, matrix.cols},
                         [&](std::int64_t, std::int64_t col, std::int64_t count) {
                             use((row - begin) * stored.cols + col, count);
                         });
        }
        return;
    }
    for_each_run(matrix.pattern, {0, matrix.rows},
                 [&](std::int64_t, std::int64_t row, std::int64_t count) {
                     const std::int64_t from = std::max(row, first);
                     const std::int64_t to = std::min(row + count, last);
                     if (from < to) {
                         use((from - begin) * stored.cols, (to - from) * stored.cols);
                     }
                 });
}

/// Gives tensors as rows of their last dimension, too, from a source that has their own rows alone;
/// it keeps one of these. For one thread.
RowSource with_matrix_rows(RowSource source, const Catalogue& catalogue);

/// The matrices of a tensor: indices into Catalogue::matrices.
std::vector<int> matrices_of(const Catalogue& catalogue, int tensor);

/// What some stored rows of the tensor have of the matrix, and back again; the number of zeros.
/// @param stored  the bytes of those rows
std::vector<std::byte> gather_values(const MatrixInfo& matrix, const TensorInfo& tensor,
                                     parallel::RowRange rows, std::span<const std::byte> stored);
void scatter_values(const MatrixInfo& matrix, const TensorInfo& tensor, parallel::RowRange rows,
                    std::span<const std::byte> values, std::span<std::byte> stored);
std::int64_t count_zeros_of(const MatrixInfo& matrix, const TensorInfo& tensor,
                            parallel::RowRange rows, std::span<const std::byte> stored);

}  // namespace alphaprune::model
