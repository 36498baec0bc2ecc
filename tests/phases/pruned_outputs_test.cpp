// Outputs of a matrix, shared out over all ranks, reach all nodes.
#include "pruned_outputs.hpp"

#include <gtest/gtest.h>

#include "alphaprune/transformer/forward_plan.hpp"
#include "phases/calibrated_runs.hpp"

namespace alphaprune::test {
namespace {

/// Another one in each place, of few bits.
float value_at(std::int64_t row, std::int64_t col) {
    return static_cast<float>((31 * row + col) % 251 - 125);
}

void expect_exchanged(const model::Catalogue& catalogue, int nodes, std::int64_t room_bytes) {
    const parallel::NodeMap map = spread_over(nodes);
    const parallel::Team team(alone());
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const auto runner = transformer::make_block_runner(map.node(), team, plan);
    model::WeightReader reader(catalogue);
    runner->load(0, [&](const model::TensorInfo& tensor, parallel::RowRange rows,
                        std::span<std::byte> out) { reader.read_rows(tensor, rows, out); });
    phases::OutputExchange exchange(world(), map, catalogue, room_bytes);
    for (int m = 0; catalogue.matrices[static_cast<std::size_t>(m)].block == 0; ++m) {
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(m)];
        const auto own = parallel::share_of(matrix.outputs(), world().size(), world().rank());
        const std::span<float> rows = runner->rows(m, own);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto at = static_cast<std::int64_t>(i);
            rows[i] = value_at(own.begin + at / matrix.inputs(), at % matrix.inputs());
        }
        exchange.share(*runner, m);
        const std::span<float> all = runner->rows(m, {0, matrix.outputs()});
        std::int64_t wrong = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto at = static_cast<std::int64_t>(i);
            wrong += all[i] != value_at(at / matrix.inputs(), at % matrix.inputs()) ? 1 : 0;
        }
        EXPECT_EQ(wrong, 0) << "matrix " << m << ", " << nodes << " nodes, " << room_bytes;
    }
}

TEST(OutputExchange, BringsTheRowsOfAllRanksToAllNodes) {
    for (const auto type : {support::ScalarType::bfloat16, support::ScalarType::float32}) {
        const SharedModel model(type);
        for (const int nodes : {1, 2, 3}) {
            // A value of each rank at a time, some columns, some rows, everything.
            for (const std::int64_t room : {1, 100, 1000, 1 << 20}) {
                expect_exchanged(model.catalogue(), nodes, room);
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
