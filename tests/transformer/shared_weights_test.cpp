#include "shared_weights.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/error.hpp"
#include "phases/shared_model.hpp"
#include "support/plain_errors.hpp"
#include "support/threads.hpp"

namespace alphaprune::test {
namespace {

using transformer::in_float32;

model::RowSource source_of(model::WeightReader& reader) {
    return [&reader](const model::TensorInfo& tensor, parallel::RowRange rows,
                     std::span<std::byte> out) { reader.read_rows(tensor, rows, out); };
}

std::vector<int> all_tensors(const model::Catalogue& catalogue) {
    std::vector<int> tensors(catalogue.tensors.size());
    std::iota(tensors.begin(), tensors.end(), 0);
    return tensors;
}

std::vector<float> stored_values(const model::Catalogue& catalogue, int index) {
    model::WeightReader reader(catalogue);
    const model::TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(index)];
    std::vector<std::byte> bytes(tensor.bytes());
    reader.read_rows(tensor, {0, tensor.rows()}, bytes);
    std::vector<float> values(bytes.size() / support::size_of(tensor.scalar_type()));
    support::widen(bytes, tensor.scalar_type(), std::span(values));
    return values;
}

void expect_stored_values(const transformer::SharedWeights& weights,
                          const model::Catalogue& catalogue) {
    for (const int index : all_tensors(catalogue)) {
        const auto expected = stored_values(catalogue, index);
        const auto values = weights.values(index);
        EXPECT_TRUE(std::ranges::equal(values, expected))
            << catalogue.tensors[static_cast<std::size_t>(index)].name;
    }
}

TEST(SharedWeights, EveryRankSeesAllValues) {
    for (const support::ScalarType type :
         {support::ScalarType::float32, support::ScalarType::float16,
          support::ScalarType::bfloat16}) {
        const SharedModel model(type);
        const parallel::Communicator node = world().split_by_node();
        model::WeightReader reader(model.catalogue());
        transformer::SharedWeights weights(node, model.catalogue(),
                                           in_float32(all_tensors(model.catalogue())));
        weights.load(source_of(reader));
        expect_stored_values(weights, model.catalogue());
    }
}

/// Held in the type of the files, whatever the layout: what comes out are the bytes that went in.
TEST(SharedWeights, GiveBackWhatTheFilesHave) {
    constexpr std::int64_t kRows = 37;
    constexpr std::int64_t kCols = 24;
    transformer::TensorLayout turned;
    turned.layers = {{0, {}, kCols, 0}};
    turned.transposed = true;
    turned.inputs = kRows;
    turned.stored_outputs = kCols;
    const parallel::Communicator node = world().split_by_node();
    for (const support::ScalarType stored :
         {support::ScalarType::bfloat16, support::ScalarType::float16,
          support::ScalarType::float32}) {
        model::Catalogue catalogue;
        catalogue.tensors.push_back({"some", stored, {kRows, kCols}});
        std::vector<float> values;
        for (std::int64_t i = 0; i < kRows * kCols; ++i) {
            values.push_back(static_cast<float>(i));
        }
        std::vector<std::byte> bytes(values.size() * support::size_of(stored));
        support::narrow(std::span<const float>(values), stored, bytes);
        const std::size_t row_bytes = kCols * support::size_of(stored);
        const auto source = [&](const model::TensorInfo&, parallel::RowRange rows,
                                std::span<std::byte> out) {
            std::ranges::copy(std::span(bytes).subspan(
                                  static_cast<std::size_t>(rows.begin) * row_bytes, out.size()),
                              out.begin());
        };
        for (const auto& layout : {transformer::TensorLayout{}, turned}) {
            for (const support::ScalarType type : {stored, support::ScalarType::float32}) {
                transformer::SharedWeights weights(node, catalogue, {{0, layout, type}});
                weights.load(source);
                EXPECT_EQ(weights.bytes(0).size(), values.size() * support::size_of(type));
                std::vector<std::byte> room;
                for (const parallel::RowRange rows :
                     {parallel::RowRange{0, kRows}, parallel::RowRange{5, 6}}) {
                    const auto got = weights.stored_rows(0, rows, room);
                    const auto expected =
                        std::span(bytes).subspan(static_cast<std::size_t>(rows.begin) * row_bytes,
                                                 static_cast<std::size_t>(rows.size()) * row_bytes);
                    EXPECT_TRUE(std::ranges::equal(got, expected)) << rows.begin;
                }
            }
        }
    }
}

/// A block takes over the memory of the one before, which had other values.
TEST(SharedWeights, TakeOverMemory) {
    const SharedModel model(support::ScalarType::bfloat16);
    const parallel::Communicator node = world().split_by_node();
    model::WeightReader reader(model.catalogue());
    const auto tensors = in_float32(all_tensors(model.catalogue()));
    transformer::SharedWeights before(node, model.catalogue(), tensors);
    before.load(source_of(reader));
    const float* const place = before.values(0).data();
    std::ranges::fill(before.values(0), 7.0F);
    transformer::SharedWeights after(node, model.catalogue(), tensors,
                                     parallel::ThreadPool::single(), before.take_memory());
    after.load(source_of(reader));
    EXPECT_EQ(after.values(0).data(), place);
    expect_stored_values(after, model.catalogue());
    transformer::SharedWeights few(node, model.catalogue(), {tensors.back()},
                                   parallel::ThreadPool::single(), after.take_memory());
    few.load(source_of(reader));
    const auto expected = stored_values(model.catalogue(), tensors.back().tensor);
    EXPECT_TRUE(std::ranges::equal(few.values(tensors.back().tensor), expected));
}

TEST(SharedWeights, RanksReadEachRowOnce) {
    const SharedModel model(support::ScalarType::bfloat16);
    const parallel::Communicator node = world().split_by_node();
    model::WeightReader reader(model.catalogue());
    transformer::SharedWeights weights(node, model.catalogue(),
                                       in_float32(all_tensors(model.catalogue())));
    std::int64_t rows_read = 0;
    weights.load(
        [&](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            rows_read += rows.size();
            reader.read_rows(tensor, rows, out);
        });
    std::int64_t rows = 0;
    for (const model::TensorInfo& tensor : model.catalogue().tensors) {
        rows += tensor.rows();
    }
    EXPECT_EQ(node.sum(rows_read), rows);
}

/// A tensor that is read in several strips, as it is stored and as inputs × outputs.
TEST(SharedWeights, SeveralThreadsReadAtTheSameTime) {
    constexpr std::int64_t kRows = 6001;  // of each of five ranks more than a strip
    constexpr std::int64_t kCols = 1024;
    model::Catalogue catalogue;
    catalogue.tensors.push_back({"large", support::ScalarType::float32, {kRows, kCols}});
    const auto value_at = [](std::int64_t row, std::int64_t col) {
        return static_cast<float>(row) + static_cast<float>(col) / kCols;
    };
    std::mutex counting;
    std::condition_variable changed;
    int readers = 0;
    bool met = false;
    const auto source = [&](const model::TensorInfo&, parallel::RowRange rows,
                            std::span<std::byte> out) {
        {  // until another comes, once
            std::unique_lock lock(counting);
            met = ++readers > 1 || met;
            changed.notify_all();
            constexpr std::chrono::seconds kLong{20};
            EXPECT_TRUE(changed.wait_for(lock, kLong, [&] { return met; }));
        }
        std::vector<float> values;
        for (std::int64_t i = 0; i < rows.size() * kCols; ++i) {
            values.push_back(value_at(rows.begin + i / kCols, i % kCols));
        }
        std::ranges::copy(std::as_bytes(std::span(values)), out.begin());
        const std::scoped_lock lock(counting);
        --readers;
    };
    transformer::TensorLayout turned;
    turned.layers.push_back({0, {}, kCols, 0});
    turned.transposed = true;
    turned.inputs = kRows;
    turned.stored_outputs = kCols;
    const parallel::Communicator node = world().split_by_node();
    for (const bool as_stored : {true, false}) {
        const auto layout = as_stored ? transformer::TensorLayout{} : turned;
        transformer::SharedWeights weights(node, catalogue, {{0, layout}}, *threads_of(3));
        met = false;
        weights.load(source);
        const auto values = weights.values(0);
        for (std::int64_t at = 0; at < kRows * kCols; ++at) {
            const float expected =
                as_stored ? value_at(at / kCols, at % kCols) : value_at(at % kRows, at / kRows);
            ASSERT_EQ(values[static_cast<std::size_t>(at)], expected) << at;
        }
    }
}

TEST(SharedWeights, ChangedRowsAreSeenByAllAfterSync) {
    const SharedModel model(support::ScalarType::bfloat16);
    const parallel::Communicator node = world().split_by_node();
    model::WeightReader reader(model.catalogue());
    transformer::SharedWeights weights(node, model.catalogue(),
                                       in_float32(all_tensors(model.catalogue())));
    weights.load(source_of(reader));
    const int tensor = model.catalogue().matrices[5].tensor;
    const model::TensorInfo& info = model.catalogue().tensors[static_cast<std::size_t>(tensor)];
    const parallel::RowRange mine = parallel::share_of(info.rows(), node.size(), node.rank());
    const auto begin = static_cast<std::size_t>(mine.begin * info.row_length());
    const auto count = static_cast<std::size_t>(mine.size() * info.row_length());
    for (float& value : weights.values(tensor).subspan(begin, count)) {
        value = static_cast<float>(node.rank() + 1);
    }
    weights.sync();
    const auto values = weights.values(tensor);
    std::size_t at = 0;
    for (int rank = 0; rank < node.size(); ++rank) {
        const parallel::RowRange theirs = parallel::share_of(info.rows(), node.size(), rank);
        for (std::int64_t i = 0; i < theirs.size() * info.row_length(); ++i) {
            ASSERT_EQ(values[at++], static_cast<float>(rank + 1));
        }
    }
    weights.load(source_of(reader));
    expect_stored_values(weights, model.catalogue());
}

TEST(SharedWeights, AFaultOnOneRankIsThrownOnAll) {
    const SharedModel model(support::ScalarType::bfloat16);
    const parallel::Communicator node = world().split_by_node();
    model::WeightReader reader(model.catalogue());
    transformer::SharedWeights weights(node, model.catalogue(),
                                       in_float32(all_tensors(model.catalogue())));
    std::string message;
    try {
        weights.load([&](const model::TensorInfo&, parallel::RowRange, std::span<std::byte>) {
            if (node.rank() == node.size() - 1) {
                throw support::failure("the disk is gone", "tensor x", "plug it in");
            }
        });
    } catch (const support::Error& error) {
        message = error.what();
    }
    EXPECT_NE(message.find("the disk is gone"), std::string::npos);
}

TEST(SharedWeights, CountTheirBytes) {
    const SharedModel model(support::ScalarType::bfloat16);
    const auto tensors = all_tensors(model.catalogue());
    const std::uint64_t bytes =
        transformer::SharedWeights::bytes_for(model.catalogue(), in_float32(tensors));
    EXPECT_GE(bytes, 2 * model.catalogue().bytes());
    EXPECT_LT(bytes, 2 * model.catalogue().bytes() + 64 * tensors.size());
    EXPECT_EQ(transformer::SharedWeights::bytes_for(model.catalogue(), {}), 0U);
}

}  // namespace
}  // namespace alphaprune::test
