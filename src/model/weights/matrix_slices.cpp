#include "alphaprune/model/matrix_slices.hpp"

#include <cassert>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::model {

TensorInfo as_matrix_rows(TensorInfo tensor) {
    if (tensor.shape.size() > 2) {
        const std::int64_t cols = tensor.shape.back();
        tensor.shape = {cols == 0 ? 0 : tensor.values() / cols, cols};
    }
    return tensor;
}

StoredShape stored_shape_of(const TensorInfo& tensor) {
    assert(tensor.shape.size() == 2 || tensor.shape.size() == 3);
    return {*(tensor.shape.end() - 2), tensor.shape.back()};
}

std::int64_t first_row_of_expert(const MatrixInfo& matrix, const TensorInfo& tensor) {
    return std::max(matrix.expert, 0) * stored_shape_of(tensor).rows;
}

RowSource with_matrix_rows(RowSource source, const Catalogue& catalogue) {
    struct KeptRow {
        std::mutex in_use;
        const TensorInfo* tensor = nullptr;
        std::int64_t row = 0;
        std::vector<std::byte> bytes;
    };
    std::unordered_map<std::string, const TensorInfo*> deep;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.shape.size() > 2) {
            deep.emplace(tensor.name, &tensor);
        }
    }
    if (deep.empty()) {
        return source;
    }
    return [source = std::move(source), deep = std::move(deep), kept = std::make_shared<KeptRow>()](
               const TensorInfo& asked, parallel::RowRange rows, std::span<std::byte> out) {
        const auto found = deep.find(asked.name);
        const TensorInfo* const tensor = found == deep.end() ? nullptr : found->second;
        if (tensor == nullptr || tensor->shape == asked.shape) {
            source(asked, rows, out);
            return;
        }
        const std::int64_t each = asked.rows() / tensor->rows();
        const std::uint64_t row_bytes = asked.row_bytes();
        const std::scoped_lock lock(kept->in_use);
        for (std::int64_t row = rows.begin / each; row * each < rows.end; ++row) {
            if (kept->tensor != tensor || kept->row != row) {
                kept->tensor = nullptr;
                kept->bytes.resize(tensor->row_bytes());
                source(*tensor, {row, row + 1}, kept->bytes);
                kept->tensor = tensor;
                kept->row = row;
            }
            const std::int64_t first = std::max(rows.begin, row * each);
            const std::int64_t last = std::min(rows.end, (row + 1) * each);
            std::memcpy(
                out.data() + static_cast<std::uint64_t>(first - rows.begin) * row_bytes,
                kept->bytes.data() + static_cast<std::uint64_t>(first - row * each) * row_bytes,
                static_cast<std::uint64_t>(last - first) * row_bytes);
        }
    };
}

std::vector<int> matrices_of(const Catalogue& catalogue, int tensor) {
    const int first = tensor < 0 ? -1 : catalogue.tensors[static_cast<std::size_t>(tensor)].matrix;
    std::vector<int> matrices;
    if (first < 0) {
        return matrices;
    }
    const std::vector<MatrixInfo>& all = catalogue.matrices;
    const auto begin = static_cast<std::size_t>(first);
    for (std::size_t m = begin; m < all.size() && all[m].block == all[begin].block; ++m) {
        if (all[m].tensor == tensor) {
            matrices.push_back(static_cast<int>(m));
        }
    }
    return matrices;
}

std::vector<std::byte> gather_values(const MatrixInfo& matrix, const TensorInfo& tensor,
                                     parallel::RowRange rows, std::span<const std::byte> stored) {
    const std::size_t value_bytes = support::size_of(tensor.scalar_type());
    std::size_t size = 0;
    for_each_stored_run(matrix, tensor, rows, [&](std::int64_t, std::int64_t count) {
        size += static_cast<std::size_t>(count) * value_bytes;
    });
    std::vector<std::byte> values(size);
    std::byte* to = values.data();
    for_each_stored_run(matrix, tensor, rows, [&](std::int64_t first, std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * value_bytes;
        std::memcpy(to, stored.data() + static_cast<std::size_t>(first) * value_bytes, bytes);
        to += bytes;
    });
    return values;
}

void scatter_values(const MatrixInfo& matrix, const TensorInfo& tensor, parallel::RowRange rows,
                    std::span<const std::byte> values, std::span<std::byte> stored) {
    const std::size_t value_bytes = support::size_of(tensor.scalar_type());
    const std::byte* from = values.data();
    for_each_stored_run(matrix, tensor, rows, [&](std::int64_t first, std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * value_bytes;
        std::memcpy(stored.data() + static_cast<std::size_t>(first) * value_bytes, from, bytes);
        from += bytes;
    });
}

std::int64_t count_zeros_of(const MatrixInfo& matrix, const TensorInfo& tensor,
                            parallel::RowRange rows, std::span<const std::byte> stored) {
    return static_cast<std::int64_t>(
        support::count_zeros(gather_values(matrix, tensor, rows, stored), tensor.scalar_type()));
}

}  // namespace alphaprune::model
