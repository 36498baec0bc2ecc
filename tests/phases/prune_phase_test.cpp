#include "alphaprune/phases/prune_phase.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/checksum.hpp"
#include "phases/shared_model.hpp"
#include "phases/stores.hpp"
#include "support/plain_errors.hpp"

namespace alphaprune::phases {
namespace {

using test::prune_by_magnitude;
using test::SharedModel;
using test::world;

std::vector<std::byte> whole_tensor(const model::Catalogue& catalogue,
                                    const model::TensorInfo& tensor) {
    std::vector<std::byte> bytes(tensor.bytes());
    model::WeightReader(catalogue).read_rows(tensor, {0, tensor.rows()}, bytes);
    return bytes;
}

/// The int(size·ratio) smallest magnitudes become zero, lowest index first: by sorting.
void prune_by_sorting(std::vector<std::byte>& bytes, support::ScalarType type, double ratio) {
    std::vector<float> values(bytes.size() / support::size_of(type));
    support::widen(bytes, type, std::span(values));
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return std::fabs(values[i]); });
    order.resize(static_cast<std::size_t>(static_cast<double>(values.size()) * ratio));
    for (const std::size_t i : order) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * support::size_of(type)),
                    support::size_of(type), std::byte{0});
    }
}

class PrunePhase : public testing::TestWithParam<support::ScalarType> {};

TEST_P(PrunePhase, DeliversEveryRowOncePrunedAsBySorting) {
    const SharedModel model(GetParam());
    const model::Catalogue& catalogue = model.catalogue();
    std::vector<pruning::PruneTarget> targets(catalogue.matrices.size());
    for (std::size_t m = 0; m < targets.size(); ++m) {
        targets[m].ratio = 0.05 * static_cast<double>(m % 20);
    }
    std::vector<std::vector<std::byte>> received(catalogue.tensors.size());
    for (std::size_t t = 0; t < received.size(); ++t) {
        received[t].resize(catalogue.tensors[t].bytes());
    }
    test::RowsTo store([&](const resume::WrittenRows& written, std::span<const std::byte> bytes) {
        const auto t = static_cast<std::size_t>(written.tensor);
        const auto at =
            static_cast<std::size_t>(written.rows.begin) * catalogue.tensors[t].row_bytes();
        std::ranges::copy(bytes, received[t].begin() + static_cast<std::ptrdiff_t>(at));
    });
    const auto results = prune_by_magnitude(world(), catalogue, targets, store);

    for (std::size_t t = 0; t < received.size(); ++t) {
        const model::TensorInfo& tensor = catalogue.tensors[t];
        std::vector<std::byte> expected = whole_tensor(catalogue, tensor);
        if (tensor.matrix >= 0) {
            prune_by_sorting(expected, tensor.scalar_type(),
                             targets[static_cast<std::size_t>(tensor.matrix)].ratio);
        }
        const parallel::RowRange mine =
            parallel::share_of(tensor.rows(), world().size(), world().rank());
        const auto begin = static_cast<std::size_t>(mine.begin) * tensor.row_bytes();
        const auto length = static_cast<std::size_t>(mine.size()) * tensor.row_bytes();
        EXPECT_TRUE(std::ranges::equal(std::span(received[t]).subspan(begin, length),
                                       std::span(expected).subspan(begin, length)))
            << tensor.name;
        EXPECT_EQ(results[t].zeros,
                  static_cast<std::int64_t>(support::count_zeros(expected, tensor.type)));
        EXPECT_EQ(results[t].checksum, support::checksum_of_rows(expected, tensor.row_bytes(), 0));
    }
}

INSTANTIATE_TEST_SUITE_P(Types, PrunePhase,
                         testing::Values(support::ScalarType::float32, support::ScalarType::float16,
                                         support::ScalarType::bfloat16));

TEST(PrunePhaseErrors, AStoreThatFailsOnOneRankEndsAll) {
    const SharedModel model(support::ScalarType::bfloat16);
    const std::vector<pruning::PruneTarget> targets(model.catalogue().matrices.size(), {0.5, {}});
    const int guilty = world().size() - 1;
    test::RowsTo store([&](const resume::WrittenRows& written, std::span<const std::byte>) {
        if (world().rank() == guilty && written.tensor == 5) {
            throw support::failure("no space left", "checkpoint.h5");
        }
    });
    try {
        prune_by_magnitude(world(), model.catalogue(), targets, store);
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.faults()[0].what, "no space left");
    }
}

TEST(PrunePhaseErrors, RowsThatOneRankCannotTakeEndAll) {
    const std::string damaged = "model.layers.2.mlp.down_proj.weight";
    const SharedModel model([&](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes{3, 32, 56, 4, 2, 32};
        auto tensors = test::llama_tensors(sizes, 1, support::ScalarType::bfloat16);
        auto& bytes = std::ranges::find(tensors, damaged, &test::StoredTensor::name)->bytes;
        *(bytes.end() - 2) = std::byte{0x80};  // the last value, which only the last rank reads,
        *(bytes.end() - 1) = std::byte{0x7F};  // becomes an infinity
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
    const model::Catalogue& catalogue = model.catalogue();
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(), {0.5, {}});
    try {
        auto store = test::nowhere();
        prune_by_magnitude(world(), catalogue, targets, store);
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_EQ(error.faults()[0].what, "1 values are NaN or infinite");
        EXPECT_NE(error.faults()[0].where.find(damaged), std::string::npos);
    }
}

}  // namespace
}  // namespace alphaprune::phases
