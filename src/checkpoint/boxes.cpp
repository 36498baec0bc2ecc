#include "boxes.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace alphaprune::checkpoint {
namespace {

class Cutter {
  public:
    Cutter(std::span<const std::int64_t> shape, std::uint64_t limit)
        : shape_(shape.begin(), shape.end()), limit_(limit) {
        box_.start.assign(shape_.size(), 0);
        box_.count = shape_;
    }

    /// Cuts the indices [begin, end) of `axis`, those of the axes before it being fixed.
    void cut(std::size_t axis, std::uint64_t begin, std::uint64_t end) {
        std::uint64_t slice = 1;  // values of one index
        for (std::size_t after = axis + 1; after < shape_.size(); ++after) {
            slice *= shape_[after];
        }
        if (slice > limit_ && axis + 1 < shape_.size()) {
            for (std::uint64_t index = begin; index < end; ++index) {
                select(axis, index, 1);
                cut(axis + 1, 0, shape_[axis + 1]);
            }
            return;
        }
        const std::uint64_t step = std::max<std::uint64_t>(1, limit_ / slice);
        for (std::uint64_t at = begin; at < end; at += step) {
            select(axis, at, std::min(step, end - at));
            boxes_.push_back(box_);
        }
    }

    std::vector<Box> take() { return std::move(boxes_); }
    const Box& whole() const { return box_; }

  private:
    void select(std::size_t axis, std::uint64_t start, std::uint64_t count) {
        box_.start[axis] = start;
        box_.count[axis] = count;
    }

    std::vector<std::uint64_t> shape_;
    std::uint64_t limit_;
    Box box_;
    std::vector<Box> boxes_;
};

}  // namespace

std::uint64_t Box::values() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : count) {
        product *= extent;
    }
    return product;
}

std::vector<Box> boxes_of(std::span<const std::int64_t> shape, parallel::RowRange rows,
                          std::uint64_t limit) {
    assert(limit > 0 && std::ranges::all_of(shape, [](auto extent) { return extent > 0; }));
    if (rows.empty()) {
        return {};
    }
    Cutter cutter(shape, limit);
    if (shape.empty()) {
        return {cutter.whole()};
    }
    const bool one_row = shape.size() == 1;
    cutter.cut(0, one_row ? 0 : static_cast<std::uint64_t>(rows.begin),
               static_cast<std::uint64_t>(one_row ? shape[0] : rows.end));
    return cutter.take();
}

}  // namespace alphaprune::checkpoint
