#include <algorithm>
#include <cstring>
#include <string>
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
    MaskedReader(const TensorInfo& tensor, const ShardBytes& read)
        : tensor_(tensor),
          read_(read),
          cols_(tensor.shape.back()),
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

    std::span<const std::byte> mask_of(std::int64_t begin, std::int64_t end) {
        mask_.resize(as_bytes(end - begin, mask_bytes_));
        read_(tensor_.shard, tensor_.bitmask->mask_offset + as_bytes(begin, mask_bytes_), mask_);
        return mask_;
    }

    /// The next value is the first of this row.
    void go_to(std::int64_t row) {
        if (row == row_) {
            return;
        }
        const std::int64_t group = row / formats::kRowsOfOffset;
        std::int64_t value = 0;
        read_(tensor_.shard, tensor_.bitmask->rows_offset + as_bytes(group, sizeof(value)),
              std::as_writable_bytes(std::span(&value, 1)));
        value_ = static_cast<std::uint64_t>(value) +
                 formats::set_bits(mask_of(group * formats::kRowsOfOffset, row));
    }

    /// Whether the row offsets are those of the mask, needed here or not. @pre  mask_ is of the
    /// rows
    bool offsets_fit(std::int64_t begin, std::int64_t end) {
        constexpr std::int64_t kGroup = formats::kRowsOfOffset;
        const std::int64_t first = (begin + kGroup - 1) / kGroup;
        offsets_.resize(static_cast<std::size_t>((end + kGroup - 1) / kGroup - first));
        if (offsets_.empty()) {
            return true;
        }
        read_(tensor_.shard, tensor_.bitmask->rows_offset + as_bytes(first, sizeof(std::int64_t)),
              std::as_writable_bytes(std::span(offsets_)));
        const auto values_in = [&](std::int64_t from, std::int64_t to) {
            return formats::set_bits(std::span(mask_).subspan(as_bytes(from - begin, mask_bytes_),
                                                              as_bytes(to - from, mask_bytes_)));
        };
        std::int64_t row = first * kGroup;
        std::uint64_t value = value_ + values_in(begin, row);
        for (const std::int64_t offset : offsets_) {
            if (offset < 0 || static_cast<std::uint64_t>(offset) != value) {
                return false;
            }
            const std::int64_t next = std::min(row + kGroup, end);
            value += values_in(row, next);
            row = next;
        }
        return true;
    }

    void read_some(std::int64_t begin, std::int64_t end, std::span<std::byte> out) {
        go_to(begin);
        const std::span<const std::byte> mask = mask_of(begin, end);
        const std::uint64_t count = formats::set_bits(mask);
        const std::uint64_t all = tensor_.bitmask->values;
        if (value_ > all || count > all - value_ || !offsets_fit(begin, end)) {
            throw kMaskMisfit("tensor " + tensor_.name);
        }
        values_.resize(count * value_bytes_);
        read_(tensor_.shard, tensor_.offset + value_ * value_bytes_, values_);
        formats::unpack_rows(mask, values_, cols_, value_bytes_, out);
        value_ += count;
        row_ = end;
    }

    const TensorInfo& tensor_;
    const ShardBytes& read_;
    std::int64_t cols_;
    std::size_t value_bytes_;
    std::uint64_t mask_bytes_;
    std::int64_t row_ = 0;     ///< that comes next
    std::uint64_t value_ = 0;  ///< its first
    std::vector<std::byte> mask_;
    std::vector<std::byte> values_;
    std::vector<std::int64_t> offsets_;
};

}  // namespace

void read_bitmask(const TensorInfo& tensor, const linalg::Rectangle& part, const ShardBytes& read,
                  std::span<std::byte> out) {
    if (part.size() == 0) {
        return;
    }
    MaskedReader reader(tensor, read);
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
