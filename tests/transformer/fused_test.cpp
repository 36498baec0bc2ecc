// A block whose matrices are slices of fused and stacked tensors computes what the same block does
// with tensors of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "model/fused_family.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/runner_states.hpp"
#include "transformer/stored_model.hpp"
#include "transformer/tested_settings.hpp"

namespace alphaprune::test {
namespace {

const std::vector<std::int32_t> kFusedTokens{7, 11, 17, 25, 35, 7, 21, 0, 39, 12};

/// What becomes of the sequence in two blocks, each with the rows of one matrix set to zero where
/// they lie.
struct Computed {
    std::vector<float> states;
    std::vector<std::vector<float>> inputs;  ///< at each site of each block
};

Computed compute(const model::Catalogue& catalogue, const model::Family& family,
                 std::size_t changed) {
    model::WeightReader reader(catalogue);
    const model::RowSource source = [&](const model::TensorInfo& tensor, parallel::RowRange rows,
                                        std::span<std::byte> out) {
        reader.read_rows(tensor, rows, out);
    };
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue, family);
    const auto runner =
        transformer::make_block_runner(world(), lone_team(), plan, tested_settings());
    runner->embed(std::array{std::span(kFusedTokens)}, source);
    Computed computed;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        runner->load(block, source);
        const auto index = static_cast<int>(changed) + 7 * block;
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(index)];
        if (world().is_root()) {
            std::ranges::fill(runner->rows(index, {1, matrix.outputs() - 1}), 0.0F);
        }
        runner->sync();
        const auto sites = transformer::input_sites(plan, block);
        EXPECT_EQ(sites.size(), 4U);
        EXPECT_EQ(sites[0].matrices, (std::vector<int>{7 * block, 7 * block + 1, 7 * block + 2}));
        runner->observe(0, [&](const transformer::ObservedInput& input) {
            computed.inputs.emplace_back(input.values.begin(), input.values.end());
        });
        runner->advance(0);
    }
    computed.states = states_of(*runner);
    return computed;
}

class Fused : public testing::Test {
  protected:
    Fused() {
        odd_.write(folder_ / "separate");
        separate_ = model::read_catalogue(folder_ / "separate");
    }
    TemporaryFolder folder_;
    OddModel odd_ = odd_llama();
    model::Catalogue separate_;
};

TEST_F(Fused, BlocksComputeTheSameBitsAsWithTensorsOfTheirOwn) {
    for (const FusedKind kind : kFusedKinds) {
        SCOPED_TRACE(static_cast<int>(kind));
        const auto fused = fused_catalogue(folder_ / std::to_string(static_cast<int>(kind)),
                                           odd_.config, odd_.tensors, kind);
        for (const std::size_t changed : {kQuery, kValue, kUp, kDown}) {
            const Computed expected = compute(separate_, *model::family_of("llama"), changed);
            const Computed got = compute(fused, fused_family(kind), changed);
            EXPECT_EQ(got.states, expected.states);
            EXPECT_EQ(got.inputs, expected.inputs);
        }
    }
}

/// Whatever the rows of a fused tensor are in memory, they go back to their place.
TEST_F(Fused, RowsAreStoredAsTheyWere) {
    for (const FusedKind kind : kFusedKinds) {
        SCOPED_TRACE(static_cast<int>(kind));
        const auto fused = fused_catalogue(folder_ / std::to_string(static_cast<int>(kind)),
                                           odd_.config, odd_.tensors, kind);
        model::WeightReader reader(fused);
        const model::RowSource source = [&](const model::TensorInfo& tensor,
                                            parallel::RowRange rows, std::span<std::byte> out) {
            reader.read_rows(tensor, rows, out);
        };
        const auto plan = transformer::make_forward_plan(fused, fused_family(kind));
        const auto runner =
            transformer::make_block_runner(world(), lone_team(), plan, tested_settings());
        runner->embed(std::array{std::span(kFusedTokens)}, source);
        runner->load(1, source);
        for (const int t : plan.block(1).tensors) {
            const model::TensorInfo& tensor = fused.tensors[static_cast<std::size_t>(t)];
            if (tensor.matrix < 0) {
                continue;
            }
            for (const parallel::RowRange rows :
                 {parallel::RowRange{0, tensor.rows()},
                  parallel::RowRange{tensor.rows() / 2, tensor.rows()}}) {
                std::vector<std::byte> bytes(static_cast<std::size_t>(rows.size()) *
                                             tensor.row_bytes());
                reader.read_rows(tensor, rows, bytes);
                std::vector<std::byte> room;
                const auto got = runner->stored_rows(t, rows, room);
                EXPECT_TRUE(std::ranges::equal(got, bytes)) << tensor.name;
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
