#include "column_strips.hpp"

#include <algorithm>

namespace alphaprune::model {
namespace {

bool contains(const linalg::Rectangle& whole, const linalg::Rectangle& part) {
    return whole.row_begin <= part.row_begin && part.row_end <= whole.row_end &&
           whole.col_begin <= part.col_begin && part.col_end <= whole.col_end;
}

}  // namespace

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

}  // namespace alphaprune::model
