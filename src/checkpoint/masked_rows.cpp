#include "masked_rows.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "alphaprune/checkpoint/masked_order.hpp"
#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::checkpoint {
namespace {

/// Dense bytes that are packed at a time.
constexpr std::uint64_t kPackedBytes = std::uint64_t{8} << 20;

std::size_t times(std::int64_t count, std::uint64_t each) {
    return static_cast<std::size_t>(count) * each;
}

std::size_t value_bytes(const model::TensorInfo& tensor) {
    return support::size_of(tensor.scalar_type());
}

/// Rows of the last dimension in a row of the tensor.
std::int64_t rows_in_row(const model::TensorInfo& tensor) {
    return tensor.row_length() / mask_cols(tensor);
}

}  // namespace

std::vector<int> masked_order(const model::Catalogue& catalogue) {
    std::vector<std::pair<int, int>> last_matrices;  // and tensors
    std::vector<int> last(catalogue.tensors.size(), -1);
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        last[static_cast<std::size_t>(catalogue.matrices[m].tensor)] = static_cast<int>(m);
    }
    for (std::size_t t = 0; t < last.size(); ++t) {
        if (last[t] >= 0 && catalogue.tensors[t].bytes() > 0) {
            last_matrices.emplace_back(last[t], static_cast<int>(t));
        }
    }
    std::ranges::sort(last_matrices);
    std::vector<int> order;
    for (const auto& [matrix, tensor] : last_matrices) {
        order.push_back(tensor);
    }
    return order;
}

std::int64_t mask_cols(const model::TensorInfo& tensor) {
    return tensor.shape.back();
}

std::int64_t mask_rows(const model::TensorInfo& tensor) {
    return tensor.values() / mask_cols(tensor);
}

void count_masked(const parallel::Communicator& ranks, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::uint64_t values, MaskedTensor& masked) {
    masked.next_row = rows.begin * rows_in_row(tensor);
    const std::vector<std::uint64_t> of_ranks = ranks.all_gather(values);
    const auto own = of_ranks.begin() + ranks.rank();
    masked.before = std::accumulate(of_ranks.begin(), own, std::uint64_t{0});
    masked.values = std::accumulate(own, of_ranks.end(), masked.before);
}

void MaskedRowWriter::write(const model::TensorInfo& tensor, parallel::RowRange rows,
                            std::span<const std::byte> bytes, MaskedTensor& masked,
                            support::File& file) {
    const std::uint64_t row_bytes = times(mask_cols(tensor), value_bytes(tensor));
    const std::int64_t each = rows_in_row(tensor);
    const parallel::RowRange all{rows.begin * each, rows.end * each};
    parallel::for_each_slab(
        all, row_bytes,
        [&](parallel::RowRange some) {
            write_some(tensor, some,
                       bytes.subspan(times(some.begin - all.begin, row_bytes),
                                     times(some.size(), row_bytes)),
                       masked, file);
        },
        kPackedBytes);
}

void MaskedRowWriter::write_some(const model::TensorInfo& tensor, parallel::RowRange rows,
                                 std::span<const std::byte> bytes, MaskedTensor& masked,
                                 support::File& file) {
    assert(masked.placed && masked.next_row == rows.begin);
    const std::size_t size = value_bytes(tensor);
    const std::uint64_t row_bytes = times(mask_cols(tensor), size);
    const std::uint64_t mask_bytes = formats::mask_row_bytes(mask_cols(tensor));
    mask_.resize(times(rows.size(), mask_bytes));
    values_.resize(std::max(values_.size(), bytes.size()));  // makes zeros only once
    offsets_.clear();
    constexpr std::int64_t kGroup = formats::kRowsOfOffset;
    const std::int64_t first_group = (rows.begin + kGroup - 1) / kGroup;
    std::size_t count = 0;
    for (std::int64_t row = rows.begin; row < rows.end;) {
        if (row % kGroup == 0) {
            offsets_.push_back(static_cast<std::int64_t>(masked.before + count));
        }
        const std::int64_t end = std::min((row / kGroup + 1) * kGroup, rows.end);
        count += formats::pack_rows(
            bytes.subspan(times(row - rows.begin, row_bytes), times(end - row, row_bytes)),
            mask_cols(tensor), size,
            std::span(mask_).subspan(times(row - rows.begin, mask_bytes),
                                     times(end - row, mask_bytes)),
            std::span(values_).subspan(count * size));
        row = end;
    }
    file.stream_at(masked.places.mask + times(rows.begin, mask_bytes), mask_);
    file.stream_at(masked.places.values + masked.before * size,
                   std::span(values_).first(count * size));
    file.write_at(masked.places.rows + times(first_group, sizeof(std::int64_t)),
                  std::as_bytes(std::span(offsets_)));
    masked.before += count;
    masked.next_row = rows.end;
}

void read_masked(const model::TensorInfo& tensor, parallel::RowRange rows,
                 const MaskedTensor& masked, const support::File& file, std::span<std::byte> out) {
    std::ranges::fill(out, std::byte{0});
    if (!masked.placed) {
        return;
    }
    model::TensorInfo stored = tensor;
    stored.offset = masked.places.values;
    stored.bitmask = {masked.places.mask, masked.places.rows, masked.values};
    try {
        model::read_bitmask(
            stored, tensor.name, {rows.begin, rows.end, 0, tensor.row_length()},
            [&](int, std::uint64_t offset, std::span<std::byte> bytes) {
                file.read_at(offset, bytes);
            },
            out);
    } catch (const support::Error& error) {
        if (error.status() != support::ExitStatus::bad_request) {
            throw;
        }
        std::ranges::fill(out, std::byte{0});
    }
}

std::optional<std::uint64_t> values_in_file(const model::TensorInfo& tensor,
                                            const MaskedPlaces& places, const support::File& file) {
    const std::uint64_t mask_bytes = formats::mask_row_bytes(mask_cols(tensor));
    const std::int64_t group = (mask_rows(tensor) - 1) / formats::kRowsOfOffset;
    const std::int64_t row = group * formats::kRowsOfOffset;
    std::int64_t before = 0;
    file.read_at(places.rows + times(group, sizeof(before)),
                 std::as_writable_bytes(std::span(&before, 1)));
    std::vector<std::byte> mask(times(mask_rows(tensor) - row, mask_bytes));
    file.read_at(places.mask + times(row, mask_bytes), mask);
    const std::int64_t most = tensor.values();
    if (before < 0 || before > most) {
        return std::nullopt;
    }
    const std::uint64_t values = static_cast<std::uint64_t>(before) + formats::set_bits(mask);
    const bool is_there =
        values <= static_cast<std::uint64_t>(most) &&
        (values == 0 || places.values + values * value_bytes(tensor) <= file.size());
    return is_there ? std::optional(values) : std::nullopt;
}

}  // namespace alphaprune::checkpoint
