#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/checksum.hpp"
#include "phases/shared_model.hpp"
#include "phases/stores.hpp"

namespace alphaprune::phases {
namespace {

using test::SharedModel;
using test::world;

/// GPT-2's layers, whose weights are stored as inputs × outputs. 22 inputs make groups of no M, and
/// coarse values make many equal ones.
void write_gpt2(const std::filesystem::path& folder) {
    std::vector<test::StoredTensor> tensors;
    int seed = 0;
    for (const char* block : {"h.0.", "h.1."}) {
        const auto add = [&](const char* name, std::int64_t rows, std::int64_t cols) {
            auto tensor =
                test::random_tensor(block + std::string(name), support::ScalarType::float32,
                                    {rows, cols}, static_cast<std::uint64_t>(++seed));
            std::vector<float> values(static_cast<std::size_t>(rows * cols));
            support::widen(tensor.bytes, support::ScalarType::float32, std::span(values));
            for (float& value : values) {
                value = std::round(4 * value) / 4;
            }
            tensors.push_back(test::make_tensor(tensor.name, support::ScalarType::bfloat16,
                                                {rows, cols}, values));
        };
        add("attn.c_attn.weight", 22, 66);
        add("attn.c_proj.weight", 22, 22);
        add("mlp.c_fc.weight", 22, 50);
        add("mlp.c_proj.weight", 50, 22);
        add("mlp.lin.weight", 22, 50);  // of another name: outputs × inputs
    }
    test::write_model_folder(folder, R"({"model_type": "imagegpt", "n_embd": 22, "n_layer": 2})",
                             tensors);
}

/// N:M in every group of M inputs of an output, one weight after another.
void prune_by_hand(std::vector<float>& weights, const model::MatrixInfo& matrix,
                   pruning::Pattern pattern) {
    const std::int64_t inputs = matrix.transposed ? matrix.rows : matrix.cols;
    const std::int64_t outputs = matrix.transposed ? matrix.cols : matrix.rows;
    const auto at = [&](std::int64_t output, std::int64_t input) -> float& {
        return weights[static_cast<std::size_t>(matrix.transposed ? input * matrix.cols + output
                                                                  : output * matrix.cols + input)];
    };
    for (std::int64_t output = 0; output < outputs; ++output) {
        for (std::int64_t first = 0; first < inputs; first += pattern.group) {
            const std::int64_t width = std::min<std::int64_t>(pattern.group, inputs - first);
            std::vector<bool> gone(static_cast<std::size_t>(width));
            for (std::int64_t n = 0; n < width * pattern.removed / pattern.group; ++n) {
                std::int64_t least = -1;
                for (std::int64_t i = 0; i < width; ++i) {
                    if (!gone[static_cast<std::size_t>(i)] &&
                        (least < 0 ||
                         std::fabs(at(output, first + i)) < std::fabs(at(output, first + least)))) {
                        least = i;
                    }
                }
                gone[static_cast<std::size_t>(least)] = true;
            }
            for (std::int64_t i = 0; i < width; ++i) {
                if (gone[static_cast<std::size_t>(i)]) {
                    at(output, first + i) = 0.0F;
                }
            }
        }
    }
}

std::vector<std::byte> pruned_by_hand(const model::Catalogue& catalogue,
                                      const model::MatrixInfo& matrix, pruning::Pattern pattern) {
    const model::TensorInfo& tensor = catalogue.tensor_of(matrix);
    std::vector<std::byte> bytes(tensor.bytes());
    model::WeightReader(catalogue).read_rows(tensor, {0, tensor.rows()}, bytes);
    std::vector<float> weights(static_cast<std::size_t>(matrix.size()));
    support::widen(bytes, support::ScalarType::bfloat16, std::span(weights));
    prune_by_hand(weights, matrix, pattern);
    support::narrow(weights, support::ScalarType::bfloat16, bytes);
    return bytes;
}

TEST(TransposedPattern, GroupsAreTakenFromTheInputs) {
    const SharedModel model(write_gpt2);
    const model::Catalogue& catalogue = model.catalogue();
    ASSERT_EQ(std::ranges::count(catalogue.matrices, true, &model::MatrixInfo::transposed), 8);
    ASSERT_EQ(catalogue.matrices.size(), 10U);
    for (const pruning::Pattern pattern : {pruning::Pattern{2, 4}, pruning::Pattern{1, 2},
                                           pruning::Pattern{5, 8}, pruning::Pattern{3, 16}}) {
        const std::vector<pruning::PruneTarget> targets(
            catalogue.matrices.size(),
            {static_cast<double>(pattern.removed) / pattern.group, pattern});
        std::vector<std::int64_t> rows_taken(catalogue.tensors.size());
        test::RowsTo store([&](const resume::WrittenRows& written,
                               std::span<const std::byte> bytes) {
            const auto t = static_cast<std::size_t>(written.tensor);
            const model::TensorInfo& tensor = catalogue.tensors[t];
            rows_taken[t] += written.rows.size();
            const auto matrix = static_cast<std::size_t>(tensor.matrix);
            const std::vector<std::byte> expected =
                pruned_by_hand(catalogue, catalogue.matrices[matrix], pattern);
            const auto begin = static_cast<std::size_t>(written.rows.begin) * tensor.row_bytes();
            EXPECT_TRUE(std::ranges::equal(bytes, std::span(expected).subspan(begin, bytes.size())))
                << tensor.name << ", " << pattern.removed << ":" << pattern.group;
        });
        const auto results = test::prune_by_magnitude(world(), catalogue, targets, store);
        world().all_reduce_sum(std::span(rows_taken));
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            const auto t = static_cast<std::size_t>(matrix.tensor);
            const std::vector<std::byte> expected = pruned_by_hand(catalogue, matrix, pattern);
            EXPECT_EQ(rows_taken[t], matrix.rows);
            EXPECT_EQ(results[t].zeros, static_cast<std::int64_t>(support::count_zeros(
                                            expected, support::ScalarType::bfloat16)));
            EXPECT_EQ(results[t].checksum,
                      support::checksum_of_rows(expected, catalogue.tensors[t].row_bytes(), 0));
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
