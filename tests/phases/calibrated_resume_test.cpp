// What an earlier attempt has done is read back, wherever it was cut off.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "phases/calibrated_runs.hpp"

namespace alphaprune::phases {
namespace {

using test::Pruned;
using test::random_sequences;
using test::SharedModel;
using test::spread_over;
using test::varied_targets;
using test::world;

class CalibratedResume : public testing::TestWithParam<pruning::CalibratedMethod> {
  protected:
    Pruned whole_run() const {
        return test::run_calibrated(world(), nodes_, catalogue(), GetParam(), sequences_, targets_);
    }

    /// A run behind one that has done some of the tensors: what came to its sinks, and its result.
    struct Rest {
        std::set<int> written;  ///< by this rank
        CalibratedResult result;
    };
    Rest run_behind(const Pruned& whole, const std::function<bool(int tensor)>& is_done) const {
        EarlierTensors earlier;
        earlier.done.resize(catalogue().tensors.size());
        for (std::size_t t = 0; t < earlier.done.size(); ++t) {
            if (is_done(static_cast<int>(t))) {
                earlier.done[t] = whole.result.tensors[t];
            }
        }
        earlier.read = [&](int tensor, parallel::RowRange rows, std::span<std::byte> out) {
            ASSERT_TRUE(is_done(tensor));
            std::ranges::copy(bytes_of(whole, tensor, rows), out.begin());
        };
        Rest rest;
        rest.result = prune_calibrated(
            world(), nodes_, catalogue(), GetParam(), sequences_, targets_,
            [&](const resume::WrittenRows& written, std::span<const std::byte> bytes) {
                rest.written.insert(written.tensor);
                EXPECT_TRUE(
                    std::ranges::equal(bytes_of(whole, written.tensor, written.rows), bytes))
                    << name_of(written.tensor);
            },
            {}, earlier);
        return rest;
    }

    std::span<const std::byte> bytes_of(const Pruned& whole, int tensor,
                                        parallel::RowRange rows) const {
        const std::size_t row = catalogue().tensors[static_cast<std::size_t>(tensor)].row_bytes();
        return std::span(whole.tensors[static_cast<std::size_t>(tensor)])
            .subspan(static_cast<std::size_t>(rows.begin) * row,
                     static_cast<std::size_t>(rows.size()) * row);
    }
    const model::Catalogue& catalogue() const { return model_.catalogue(); }
    const std::string& name_of(int tensor) const {
        return catalogue().tensors[static_cast<std::size_t>(tensor)].name;
    }
    int block_of(int tensor) const {
        const int matrix = catalogue().tensors[static_cast<std::size_t>(tensor)].matrix;
        return matrix < 0 ? -1 : catalogue().matrices[static_cast<std::size_t>(matrix)].block;
    }

    SharedModel model_{support::ScalarType::bfloat16};
    model::TokenSequences sequences_ = random_sequences(5, 12);
    std::vector<PruneTarget> targets_ = varied_targets(catalogue());
    parallel::NodeMap nodes_ = spread_over(2);
};
INSTANTIATE_TEST_SUITE_P(Methods, CalibratedResume,
                         testing::Values(pruning::CalibratedMethod::wanda,
                                         pruning::CalibratedMethod::sparsegpt));

TEST_P(CalibratedResume, goes_on_behind_whole_blocks_and_in_the_middle_of_them) {
    const Pruned whole = whole_run();
    const std::vector<std::function<bool(int)>> cuts{
        [&](int tensor) { return block_of(tensor) == 0; },
        [&](int tensor) { return block_of(tensor) >= 0; },
        [&](int tensor) { return block_of(tensor) == 0 || tensor % 2 == 0; },
        [&](int tensor) { return tensor % 3 != 0; },
        [](int) { return true; },
    };
    for (std::size_t cut = 0; cut < cuts.size(); ++cut) {
        SCOPED_TRACE(cut);
        const Rest rest = run_behind(whole, cuts[cut]);
        for (std::size_t t = 0; t < catalogue().tensors.size(); ++t) {
            EXPECT_EQ(rest.result.tensors[t].checksum, whole.result.tensors[t].checksum);
            EXPECT_EQ(rest.result.tensors[t].zeros, whole.result.tensors[t].zeros);
            const bool again = world().any(rest.written.contains(static_cast<int>(t)));
            EXPECT_EQ(again, !cuts[cut](static_cast<int>(t))) << name_of(static_cast<int>(t));
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
