// Rows that a store wants in an order, and announced before they come.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "alphaprune/checkpoint/masked_order.hpp"
#include "phases/calibrated_runs.hpp"

namespace alphaprune::phases {
namespace {

namespace fs = std::filesystem;
using test::SharedModel;
using test::spread_over;
using test::world;

/// Notes what is announced, and compares it with what then comes.
class OrderedStore : public TensorStore {
  public:
    /// @param finished  so many, the first of the order
    OrderedStore(const model::Catalogue& catalogue, std::size_t finished)
        : catalogue_(catalogue), order_(checkpoint::masked_order(catalogue)), finished_(finished) {
        std::ranges::reverse(order_);  // not in the order in which tensors lie in the files
        std::ranges::stable_sort(order_, {}, [&](int t) { return block_of(t); });
    }

    std::vector<int> order() const override { return order_; }
    void announce(int tensor, parallel::RowRange rows, std::uint64_t values) override {
        // All ranks are here, for the same tensor, and their rows follow each other.
        EXPECT_EQ(world().min(tensor), world().max(tensor));
        EXPECT_EQ(world().sum_before(rows.size()), rows.begin);
        announced_.push_back(tensor);
        left_[tensor] = {rows, values};
    }
    void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) override {
        const model::TensorInfo& tensor = catalogue_.tensors[static_cast<std::size_t>(rows.tensor)];
        if (std::ranges::find(order_, rows.tensor) == order_.end()) {
            return;
        }
        Left& left = left_.at(rows.tensor);
        EXPECT_EQ(left.rows.begin, rows.rows.begin);
        left.rows.begin = rows.rows.end;
        const std::size_t size = support::size_of(tensor.scalar_type());
        for (std::size_t at = 0; at < bytes.size(); at += size) {
            left.values -= std::ranges::all_of(bytes.subspan(at, size),
                                               [](std::byte byte) { return byte == std::byte{0}; })
                               ? 0
                               : 1;
        }
    }
    std::optional<pruning::PrunedTensor> finished(int tensor) const override {
        const auto place = std::ranges::find(order_, tensor) - order_.begin();
        return place < static_cast<std::ptrdiff_t>(finished_)
                   ? std::optional(pruning::PrunedTensor{})
                   : std::nullopt;
    }
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const override {
        const model::TensorInfo& info = catalogue_.tensors[static_cast<std::size_t>(tensor)];
        model::WeightReader(catalogue_).read_rows(info, rows, out);  // as if nothing were pruned
    }

    void expect_all_came() const {
        EXPECT_TRUE(std::ranges::equal(announced_, std::span(order_).subspan(finished_)));
        for (const auto& [tensor, left] : left_) {
            EXPECT_TRUE(left.rows.empty()) << tensor;
            EXPECT_EQ(left.values, 0U) << tensor;
        }
    }

  private:
    struct Left {
        parallel::RowRange rows;
        std::uint64_t values = 0;  ///< that are not zero, as announced
    };
    int block_of(int tensor) const {
        return catalogue_
            .matrices[static_cast<std::size_t>(
                catalogue_.tensors[static_cast<std::size_t>(tensor)].matrix)]
            .block;
    }

    const model::Catalogue& catalogue_;
    std::vector<int> order_;
    std::size_t finished_;
    std::vector<int> announced_;
    std::map<int, Left> left_;
};

class AnnouncedRows : public testing::TestWithParam<const char*> {
  protected:
    SharedModel model_{[](const fs::path& folder) {
        fs::copy(fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models" / std::string(GetParam()),
                 folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }};
};
INSTANTIATE_TEST_SUITE_P(Models, AnnouncedRows,
                         testing::Values("tiny-llama3", "tiny-phi3", "tiny-gpt2",
                                         "tiny-qwen3_moe-fused"));

/// Whichever sites are pruned first, and whatever an earlier attempt has finished.
TEST_P(AnnouncedRows, ComeInTheOrderOfTheStoreAndAsCounted) {
    const model::Catalogue& catalogue = model_.catalogue();
    const model::TokenSequences sequences = test::random_sequences(3, 12);
    const auto targets = test::varied_targets(catalogue);
    const std::size_t all = checkpoint::masked_order(catalogue).size();
    const std::size_t sites =
        transformer::input_sites(transformer::make_forward_plan(catalogue), 0).size();
    std::vector<std::size_t> one_by_one(sites);
    std::iota(one_by_one.begin(), one_by_one.end(), std::size_t{0});
    const std::vector turns(static_cast<std::size_t>(catalogue.blocks()), one_by_one);
    for (const char* method : {"magnitude", "wanda"}) {
        for (const bool in_turns : {false, true}) {
            for (const std::size_t finished : {std::size_t{0}, all / 3, all}) {
                SCOPED_TRACE(std::string(method) + (in_turns ? " in turns, " : ", ") +
                             std::to_string(finished) + " are finished");
                PruneRequest request{.pruner = *pruning::find_pruner(method),
                                     .targets = targets,
                                     .calibration = sequences};
                if (in_turns) {
                    request.turns = turns;
                }
                OrderedStore store(catalogue, finished);
                prune_model(world(), spread_over(2), catalogue, request, store, {});
                store.expect_all_came();
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
