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

class CalibratedResume : public testing::TestWithParam<const char*> {
  protected:
    Pruned whole_run() const {
        return test::run_calibrated(world(), nodes_, catalogue(), GetParam(), sequences_, targets_);
    }

    /// A run after one that has done some of the tensors: what came to its stores, and its result.
    struct Rest {
        std::set<int> written;  ///< by this rank
        PrunedModel result;
    };
    /// The store of such a run.
    class LeftBehind : public TensorStore {
      public:
        LeftBehind(const CalibratedResume& test, const Pruned& whole,
                   const std::function<bool(int tensor)>& is_done, std::set<int>& written)
            : test_(test), whole_(whole), is_done_(is_done), written_(written) {}

        std::optional<pruning::PrunedTensor> finished(int tensor) const override {
            return is_done_(tensor)
                       ? std::optional(whole_.result.tensors[static_cast<std::size_t>(tensor)])
                       : std::nullopt;
        }
        void read_rows(int tensor, parallel::RowRange rows,
                       std::span<std::byte> out) const override {
            ASSERT_TRUE(is_done_(tensor));
            std::ranges::copy(test_.bytes_of(whole_, tensor, rows), out.begin());
        }
        void write_rows(const resume::WrittenRows& rows,
                        std::span<const std::byte> bytes) override {
            written_.insert(rows.tensor);
            EXPECT_TRUE(std::ranges::equal(test_.bytes_of(whole_, rows.tensor, rows.rows), bytes))
                << test_.name_of(rows.tensor);
        }

      private:
        const CalibratedResume& test_;
        const Pruned& whole_;
        const std::function<bool(int tensor)>& is_done_;
        std::set<int>& written_;
    };
    Rest run_after(const Pruned& whole, const std::function<bool(int tensor)>& is_done) const {
        Rest rest;
        LeftBehind store(*this, whole, is_done, rest.written);
        rest.result = test::prune_calibrated(world(), nodes_, catalogue(), GetParam(), sequences_,
                                             targets_, store);
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
    std::vector<pruning::PruneTarget> targets_ = varied_targets(catalogue());
    parallel::NodeMap nodes_ = spread_over(2);
};
INSTANTIATE_TEST_SUITE_P(Methods, CalibratedResume, testing::Values("wanda", "sparsegpt"));

TEST_P(CalibratedResume, GoesOnAfterWholeBlocksAndInTheMiddleOfThem) {
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
        const Rest rest = run_after(whole, cuts[cut]);
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
