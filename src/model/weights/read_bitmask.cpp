#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/slabs.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kMaskMisfit{
    "model.bitmask-misfit", "the mask of the tensor, its row offsets and its values disagree",
    "the file is damaged, or was made by a program that writes another form",
    "fetch the file again, or repeat the run that wrote it"};

/// Values that are unpacked at a time.
constexpr std::int64_t kValuesUnpacked = std::int64_t{1} << 20;

std::size_t as_bytes(std::int64_t count, std::uint64_t each) {
    return static_cast<std::size_t>(count) * each;
}

/// Reads rows of the last dimension, one range after another.
class MaskedReader {
  public:
    MaskedReader(const TensorInfo& tensor, std::string_view where, const ShardBytes& read)
        : tensor_(tensor),
          where_(where),
          read_(read),
          cols_(tensor.shape.back()),
          rows_(tensor.values() / cols_),
          value_bytes_(static_cast<std::size_t>(tensor.type.bits().value_or(8)) / 8),
          mask_bytes_(formats::mask_row_bytes(cols_)) {}

    std::int64_t cols() const { return cols_; }

    void read(std::int64_t begin, std::int64_t end, std::span<std::byte> out) {
        const std::int64_t at_once = std::max<std::int64_t>(kValuesUnpacked / cols_, 1);
        support::for_each_slab(begin, end, at_once, [&](std::int64_t first, std::int64_t last) {
            read_some(first, last,
                      out.subspan(as_bytes(first - begin, row_bytes()),
                                  as_bytes(last - first, row_bytes())));
        });
    }

  private:
    std::uint64_t row_bytes() const { return as_bytes(cols_, value_bytes_); }

    void require(bool holds) const {
        if (!holds) {
            throw kMaskMisfit(std::string(where_));
        }
    }

    std::span<const std::byte> mask_of(std::int64_t begin, std::int64_t end) {
        mask_.resize(as_bytes(end - begin, mask_bytes_));
        read_(tensor_.shard, tensor_.bitmask->mask_offset + as_bytes(begin, mask_bytes_), mask_);
        if (const auto used = cols_ % 8; used != 0) {
            for (std::size_t last = mask_bytes_ - 1; last < mask_.size(); last += mask_bytes_) {
                require(std::to_integer<int>(mask_[last]) >> used == 0);
            }
        }
        return mask_;
    }

    /// How many values come before the first rows of these groups.
    std::span<const std::uint64_t> starts_of(std::int64_t begin, std::int64_t end) {
        starts_.resize(static_cast<std::size_t>(end - begin));
        if (!starts_.empty()) {
            read_(tensor_.shard, tensor_.bitmask->rows_offset + as_bytes(begin, sizeof(starts_[0])),
                  std::as_writable_bytes(std::span(starts_)));
        }
        return starts_;
    }

    /// The next value is the first of this row.
    void go_to(std::int64_t row) {
        if (row == row_) {
            return;
        }
        const std::int64_t group = row / formats::kRowsOfOffset;
        const std::uint64_t start = starts_of(group, group + 1).front();
        require(start <= tensor_.bitmask->values);  // and the sum does not overflow
        value_ = start + formats::set_bits(mask_of(group * formats::kRowsOfOffset, row));
        row_ = row;
    }

    /// How many values the rows [row_, end) have, as mask, row offsets and the number of all values
    /// agree.
    std::uint64_t count_values(std::int64_t end, std::span<const std::byte> mask) {
        const auto group_after = [](std::int64_t row) {
            return (row + formats::kRowsOfOffset - 1) / formats::kRowsOfOffset;
        };
        const std::int64_t first_group = group_after(row_);
        std::uint64_t value = value_;
        std::size_t at = 0;
        const auto count_until = [&](std::int64_t row) {
            const std::size_t stop = as_bytes(row - row_, mask_bytes_);
            value += formats::set_bits(mask.subspan(at, stop - at));
            at = stop;
        };
        std::int64_t row = first_group * formats::kRowsOfOffset;
        for (const std::uint64_t start : starts_of(first_group, group_after(end))) {
            count_until(row);
            require(value == start);
            row += formats::kRowsOfOffset;
        }
        count_until(end);
        const std::uint64_t all = tensor_.bitmask->values;
        require(end < rows_ ? value <= all : value == all);
        return value - value_;
    }

    void read_some(std::int64_t begin, std::int64_t end, std::span<std::byte> out) {
        go_to(begin);
        const std::span<const std::byte> mask = mask_of(begin, end);
        const std::uint64_t count = count_values(end, mask);
        values_.resize(count * value_bytes_);
        read_(tensor_.shard, tensor_.offset + value_ * value_bytes_, values_);
        formats::unpack_rows(mask, values_, cols_, value_bytes_, out);
        value_ += count;
        row_ = end;
    }

    const TensorInfo& tensor_;
    std::string_view where_;
    const ShardBytes& read_;
    std::int64_t cols_;
    std::int64_t rows_;
    std::size_t value_bytes_;
    std::uint64_t mask_bytes_;
    std::int64_t row_ = 0;     ///< that comes next
    std::uint64_t value_ = 0;  ///< its first
    std::vector<std::byte> mask_;
    std::vector<std::uint64_t> starts_;
    std::vector<std::byte> values_;
};

}  // namespace

void read_bitmask(const TensorInfo& tensor, std::string_view where, const linalg::Rectangle& part,
                  const ShardBytes& read, std::span<std::byte> out) {
    if (part.size() == 0) {
        return;
    }
    MaskedReader reader(tensor, where, read);
    const std::int64_t each = tensor.row_length() / reader.cols();  // more than one: 3 dimensions
    if (part.cols() == tensor.row_length()) {
        reader.read(part.row_begin * each, part.row_end * each, out);
        return;
    }
    const std::uint64_t value_bytes =
        tensor.row_bytes() / static_cast<std::uint64_t>(tensor.row_length());
    const std::uint64_t skipped = as_bytes(part.col_begin, value_bytes);
    const std::uint64_t width = as_bytes(part.cols(), value_bytes);
    const std::int64_t at_once = std::max<std::int64_t>(kValuesUnpacked / tensor.row_length(), 1);
    std::vector<std::byte> rows;
    support::for_each_slab(
        part.row_begin, part.row_end, at_once, [&](std::int64_t first, std::int64_t last) {
            rows.resize(as_bytes(last - first, tensor.row_bytes()));
            reader.read(first * each, last * each, rows);
            for (std::int64_t row = first; row < last; ++row) {
                std::memcpy(out.data() + as_bytes(row - part.row_begin, width),
                            rows.data() + as_bytes(row - first, tensor.row_bytes()) + skipped,
                            width);
            }
        });
}

}  // namespace alphaprune::model
