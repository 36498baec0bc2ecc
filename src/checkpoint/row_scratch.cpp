#include "row_scratch.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"
#include "partial_output.hpp"

namespace alphaprune::checkpoint {
namespace {

constexpr std::uint64_t kUnitMagic = 0x314B53414D505041;  // "APPMASK1"
constexpr std::uint64_t kUnitBytes = std::uint64_t{4} << 20;

std::size_t times(std::int64_t count, std::uint64_t each) {
    return static_cast<std::size_t>(count) * each;
}

/// Rows of the last dimension in a row of the tensor.
std::int64_t rows_in_row(const model::TensorInfo& tensor) {
    return tensor.row_length() / mask_cols(tensor);
}

/// Whole groups that share a row offset, but for the last.
parallel::RowRange own_rows(const parallel::Communicator& ranks, const model::TensorInfo& tensor) {
    constexpr std::int64_t kGroup = formats::kRowsOfOffset;
    const std::int64_t rows = mask_rows(tensor);
    const parallel::RowRange groups =
        parallel::share_of((rows + kGroup - 1) / kGroup, ranks.size(), ranks.rank());
    return {std::min(groups.begin * kGroup, rows), std::min(groups.end * kGroup, rows)};
}

}  // namespace

std::vector<bool> masked_tensors(const std::vector<model::TensorInfo>& tensors, bool bitmask) {
    std::vector<bool> masked;
    for (const model::TensorInfo& tensor : tensors) {
        masked.push_back(bitmask && tensor.matrix >= 0 && tensor.bytes() > 0);
    }
    return masked;
}

std::int64_t mask_cols(const model::TensorInfo& tensor) {
    return tensor.shape.back();
}

std::int64_t mask_rows(const model::TensorInfo& tensor) {
    return tensor.values() / mask_cols(tensor);
}

void RowScratch::make(const std::filesystem::path& path, bool resume) {
    if (!resume || !is_plain_file(path)) {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
        support::File::create(path);
    }
}

RowScratch::RowScratch(const std::vector<model::TensorInfo>& tensors,
                       const std::vector<bool>& masked, const std::filesystem::path& path)
    : tensors_(tensors), file_(support::File::open_for_writing(path)) {
    std::uint64_t next = 0;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        places_.push_back(next);
        if (masked[t]) {
            next = place_of(static_cast<int>(t), mask_rows(tensors[t]));
        }
    }
}

std::size_t RowScratch::value_bytes(int tensor) const {
    return support::size_of(tensors_[static_cast<std::size_t>(tensor)].scalar_type());
}

/// Room for the most that a row can need, written alone.
std::uint64_t RowScratch::place_of(int tensor, std::int64_t row) const {
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    const std::uint64_t each = sizeof(Unit) + formats::mask_row_bytes(mask_cols(info)) +
                               times(mask_cols(info), value_bytes(tensor));
    return places_[static_cast<std::size_t>(tensor)] + times(row, each);
}

void RowScratch::write(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes) {
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    const std::uint64_t row_bytes = times(mask_cols(info), value_bytes(tensor));
    const std::int64_t each = rows_in_row(info);
    const parallel::RowRange all{rows.begin * each, rows.end * each};
    parallel::for_each_slab(
        all, row_bytes,
        [&](parallel::RowRange some) {
            write_some(tensor, some,
                       bytes.subspan(times(some.begin - all.begin, row_bytes),
                                     times(some.size(), row_bytes)));
        },
        kUnitBytes);
}

void RowScratch::write_some(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes) {
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    formats::pack_rows(bytes, mask_cols(info), value_bytes(tensor), packed_);
    const Unit unit{kUnitMagic, rows.begin, rows.end, packed_.values.size() / value_bytes(tensor)};
    buffer_.clear();
    for (const std::span<const std::byte> part :
         {std::as_bytes(std::span(&unit, 1)), std::span<const std::byte>(packed_.mask),
          std::span<const std::byte>(packed_.values)}) {
        buffer_.insert(buffer_.end(), part.begin(), part.end());
    }
    file_.stream_at(place_of(tensor, rows.begin), buffer_);
    const std::scoped_lock lock(mutex_);
    known_ = known_ == tensor ? -1 : known_;
}

/// Those that follow each other from the first row on, as far as they do.
std::vector<RowScratch::Unit> RowScratch::units_of(int tensor) const {
    const std::scoped_lock lock(mutex_);
    if (known_ == tensor) {
        return known_units_;
    }
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    const std::int64_t rows = mask_rows(info);
    const support::File file = support::File::open_for_reading(file_.path());
    const std::uint64_t size = file.size();
    std::vector<Unit> units;
    for (std::int64_t row = 0; row < rows; row = units.back().end) {
        Unit unit;
        const std::uint64_t place = place_of(tensor, row);
        if (place > size || size - place < sizeof(unit)) {
            break;
        }
        file.read_at(place, std::as_writable_bytes(std::span(&unit, 1)));
        const bool fits =
            unit.magic == kUnitMagic && unit.begin == row && unit.end > row && unit.end <= rows &&
            unit.values <= times(unit.end - row, static_cast<std::uint64_t>(mask_cols(info)));
        if (!fits) {
            break;
        }
        units.push_back(unit);
    }
    known_ = tensor;
    known_units_ = units;
    return units;
}

void RowScratch::for_each(int tensor, parallel::RowRange rows, const Use& use) const {
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    const std::uint64_t mask_bytes = formats::mask_row_bytes(mask_cols(info));
    const support::File file = support::File::open_for_reading(file_.path());
    std::vector<std::byte> mask;
    std::vector<std::byte> values;
    for (const Unit& unit : units_of(tensor)) {
        const parallel::RowRange some{std::max(unit.begin, rows.begin),
                                      std::min(unit.end, rows.end)};
        if (some.begin >= some.end) {
            continue;
        }
        const std::uint64_t place = place_of(tensor, unit.begin) + sizeof(Unit);
        mask.resize(times(some.end - unit.begin, mask_bytes));
        file.read_at(place, mask);
        const std::size_t skipped = times(some.begin - unit.begin, mask_bytes);
        const std::uint64_t before = formats::set_bits(std::span(mask).first(skipped));
        const std::span<const std::byte> own = std::span(mask).subspan(skipped);
        const std::uint64_t count = formats::set_bits(own);
        if (before + count > unit.values) {  // other bytes than were written
            return;
        }
        values.resize(count * value_bytes(tensor));
        file.read_at(
            place + times(unit.end - unit.begin, mask_bytes) + before * value_bytes(tensor),
            values);
        use(some.begin, own, values);
    }
}

void RowScratch::read(int tensor, parallel::RowRange rows, std::span<std::byte> out) const {
    const model::TensorInfo& info = tensors_[static_cast<std::size_t>(tensor)];
    const std::int64_t each = rows_in_row(info);
    const std::uint64_t mask_bytes = formats::mask_row_bytes(mask_cols(info));
    const std::uint64_t row_bytes = times(mask_cols(info), value_bytes(tensor));
    std::ranges::fill(out, std::byte{0});
    for_each(
        tensor, {rows.begin * each, rows.end * each},
        [&](std::int64_t row, std::span<const std::byte> mask, std::span<const std::byte> values) {
            formats::unpack_rows(mask, values, mask_cols(info), value_bytes(tensor),
                                 out.subspan(times(row - rows.begin * each, row_bytes),
                                             mask.size() / mask_bytes * row_bytes));
        });
}

MaskedCounts count_masked(const parallel::Communicator& ranks,
                          const std::vector<model::TensorInfo>& tensors,
                          const std::vector<bool>& masked, const RowScratch& scratch) {
    MaskedCounts counts;
    counts.all.resize(tensors.size());
    ranks.barrier();  // all ranks have written their rows
    scratch.forget();
    parallel::run_collectively(ranks, [&] {
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            if (masked[t]) {
                scratch.for_each(
                    static_cast<int>(t), own_rows(ranks, tensors[t]),
                    [&](std::int64_t, std::span<const std::byte> mask, std::span<const std::byte>) {
                        counts.all[t] += formats::set_bits(mask);
                    });
            }
        }
    });
    for (const std::uint64_t mine : counts.all) {
        counts.before.push_back(
            static_cast<std::uint64_t>(ranks.sum_before(static_cast<std::int64_t>(mine))));
    }
    ranks.all_reduce_sum(std::span(counts.all));
    return counts;
}

void write_masked(const parallel::Communicator& ranks, const model::TensorInfo& tensor, int number,
                  std::uint64_t before, const RowScratch& scratch, const MaskedPlaces& places,
                  support::File& file) {
    const std::uint64_t value_bytes = support::size_of(tensor.scalar_type());
    const std::uint64_t mask_bytes = formats::mask_row_bytes(mask_cols(tensor));
    const parallel::RowRange mine = own_rows(ranks, tensor);
    std::vector<std::int64_t> offsets;
    std::uint64_t next = before;
    scratch.for_each(number, mine,
                     [&](std::int64_t first, std::span<const std::byte> mask,
                         std::span<const std::byte> values) {
                         file.stream_at(places.mask + times(first, mask_bytes), mask);
                         file.stream_at(places.values + next * value_bytes, values);
                         for (std::int64_t row = first; !mask.empty();
                              ++row, mask = mask.subspan(mask_bytes)) {
                             if (row % formats::kRowsOfOffset == 0) {
                                 offsets.push_back(static_cast<std::int64_t>(next));
                             }
                             next += formats::set_bits(mask.first(mask_bytes));
                         }
                     });
    file.write_at(places.rows + times(mine.begin / formats::kRowsOfOffset, sizeof(std::int64_t)),
                  std::as_bytes(std::span(offsets)));
}

}  // namespace alphaprune::checkpoint
