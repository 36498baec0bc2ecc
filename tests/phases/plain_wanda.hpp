#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"
#include "phases/calibrated_runs.hpp"

namespace alphaprune::test {

/// A block's dense weights and the norms of the inputs of its matrices, by matrix.
struct PlainBlock {
    int number = 0;
    transformer::BlockRunner& runner;
    std::vector<std::vector<float>> norms;
};

/// Takes all sequences through a model on this rank, block after block, in the plainest way:
/// `change` sees each block and may change its weights before the outputs are computed.
inline void walk_plainly(const model::Catalogue& catalogue, const model::TokenSequences& sequences,
                         const std::function<void(PlainBlock&)>& change) {
    const parallel::Communicator self = alone();
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const auto runner = transformer::make_block_runner(self, lone_team(), plan);
    model::WeightReader reader(catalogue);
    const model::RowSource source = [&](const model::TensorInfo& tensor, parallel::RowRange rows,
                                        std::span<std::byte> out) {
        reader.read_rows(tensor, rows, out);
    };
    std::vector<std::span<const std::int32_t>> tokens;
    for (std::int64_t s = 0; s < sequences.count(); ++s) {
        tokens.push_back(sequences.sequence(s));
    }
    runner->embed(tokens, source);
    for (int block = 0; block < catalogue.blocks(); ++block) {
        runner->load(block, source);
        const auto sites = transformer::input_sites(plan, block);
        std::vector<std::vector<double>> squares(catalogue.matrices.size());
        for (std::int64_t s = 0; s < runner->sequences(); ++s) {
            runner->observe(s, [&](const transformer::ObservedInput& seen) {
                const std::span<const float> input = seen.values;
                const std::size_t cols = input.size() / static_cast<std::size_t>(seen.tokens);
                for (const int m : sites[seen.site].matrices) {
                    auto& sums = squares[static_cast<std::size_t>(m)];
                    sums.resize(cols);
                    for (std::size_t i = 0; i < input.size(); ++i) {
                        sums[i % cols] += double{input[i]} * double{input[i]};
                    }
                }
            });
        }
        PlainBlock plain{block, *runner, std::vector<std::vector<float>>(squares.size())};
        for (std::size_t m = 0; m < squares.size(); ++m) {
            for (const double sum : squares[m]) {
                plain.norms[m].push_back(
                    static_cast<float>(std::sqrt(sum / static_cast<double>(sequences.count()))));
            }
        }
        change(plain);
        for (std::int64_t s = 0; s < runner->sequences(); ++s) {
            runner->advance(s);
        }
    }
}

/// Zeroes the int(cols·ratio) lowest scores of a row, by sorting.
inline void prune_row_plainly(std::span<float> row, std::span<const float> norms, double ratio) {
    std::vector<std::size_t> order(row.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {},
                             [&](std::size_t j) { return std::fabs(row[j]) * norms[j]; });
    order.resize(static_cast<std::size_t>(static_cast<double>(row.size()) * ratio));
    for (const std::size_t j : order) {
        row[j] = 0.0F;
    }
}

/// The pruned values of each matrix.
inline std::vector<std::vector<float>> wanda_plainly(
    const model::Catalogue& catalogue, const model::TokenSequences& sequences,
    std::span<const pruning::PruneTarget> targets) {
    std::vector<std::vector<float>> pruned(catalogue.matrices.size());
    walk_plainly(catalogue, sequences, [&](PlainBlock& block) {
        for (std::size_t m = 0; m < pruned.size(); ++m) {
            const model::MatrixInfo& matrix = catalogue.matrices[m];
            if (matrix.block != block.number) {
                continue;
            }
            for (std::int64_t r = 0; r < matrix.rows; ++r) {
                prune_row_plainly(block.runner.rows(static_cast<int>(m), {r, r + 1}),
                                  block.norms[m], targets[m].ratio);
            }
            const std::span<const float> values =
                block.runner.rows(static_cast<int>(m), {0, matrix.rows});
            pruned[m].assign(values.begin(), values.end());
        }
    });
    return pruned;
}

}  // namespace alphaprune::test
