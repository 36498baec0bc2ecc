#include "hdf5_dataset.hpp"

#include <gtest/gtest.h>

namespace alphaprune::checkpoint {
namespace {

/// Row-major positions of all values of a box, in the order in which they lie in memory.
std::vector<std::uint64_t> positions(const Box& box, const std::vector<std::int64_t>& shape) {
    std::vector<std::uint64_t> all{0};
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        std::vector<std::uint64_t> next;
        for (const std::uint64_t before : all) {
            for (std::uint64_t i = 0; i < box.count[axis]; ++i) {
                next.push_back(before * static_cast<std::uint64_t>(shape[axis]) + box.start[axis] +
                               i);
            }
        }
        all = next;
    }
    return all;
}

void expect_exact_cover(const std::vector<std::int64_t>& shape, parallel::RowRange rows,
                        std::uint64_t limit) {
    SCOPED_TRACE(testing::Message()
                 << "limit " << limit << ", rows " << rows.begin << " to " << rows.end);
    std::uint64_t row_length = 1;
    for (std::size_t axis = shape.size() < 2 ? 0 : 1; axis < shape.size(); ++axis) {
        row_length *= static_cast<std::uint64_t>(shape[axis]);
    }
    std::uint64_t expected = static_cast<std::uint64_t>(rows.begin) * row_length;
    for (const Box& box : boxes_of(shape, rows, limit)) {
        EXPECT_LE(box.values(), limit);
        for (const std::uint64_t position : positions(box, shape)) {
            ASSERT_EQ(position, expected++);
        }
    }
    EXPECT_EQ(expected, static_cast<std::uint64_t>(rows.end) * row_length);
}

TEST(Boxes, CoverTheRowsInOrderWithoutGapsForEveryLimit) {
    const std::vector<std::vector<std::int64_t>> shapes{{13}, {1}, {6, 7}, {5, 3, 4}, {3, 2, 2, 5}};
    for (const auto& shape : shapes) {
        const std::int64_t rows = shape.size() < 2 ? 1 : shape[0];
        for (std::uint64_t limit = 1; limit <= 70; ++limit) {
            for (std::int64_t begin = 0; begin < rows; ++begin) {
                for (std::int64_t end = begin; end <= rows; ++end) {
                    expect_exact_cover(shape, {begin, end}, limit);
                }
            }
        }
    }
}

TEST(Boxes, OneValueIsOneBox) {
    const auto boxes = boxes_of({}, {0, 1}, 5);
    ASSERT_EQ(boxes.size(), 1U);
    EXPECT_EQ(boxes[0].values(), 1U);
}

TEST(Boxes, WholeRowsStayTogetherWhereTheyFit) {
    const std::vector<std::int64_t> shape{10, 8};
    const auto boxes = boxes_of(shape, {1, 10}, 32);
    ASSERT_EQ(boxes.size(), 3U);
    EXPECT_EQ(boxes[0].start, (std::vector<std::uint64_t>{1, 0}));
    EXPECT_EQ(boxes[0].count, (std::vector<std::uint64_t>{4, 8}));
    EXPECT_EQ(boxes[2].count, (std::vector<std::uint64_t>{1, 8}));
}

TEST(Boxes, SizesBeyond32BitsAreCutRight) {
    const std::vector<std::int64_t> shape{3, std::int64_t{1} << 33};
    const std::uint64_t limit = std::uint64_t{1} << 32;
    const auto boxes = boxes_of(shape, {2, 3}, limit);
    ASSERT_EQ(boxes.size(), 2U);
    EXPECT_EQ(boxes[1].start, (std::vector<std::uint64_t>{2, limit}));
    EXPECT_EQ(boxes[1].values(), limit);
}

}  // namespace
}  // namespace alphaprune::checkpoint
