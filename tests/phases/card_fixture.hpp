#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"
#include "phases/calibrated_runs.hpp"
#include "pruning/site_statistics.hpp"
#include "transformer/tested_settings.hpp"

namespace alphaprune::phases {

using test::random_sequences;
using test::SharedModel;
using transformer::InputNeeds;

namespace fs = std::filesystem;

inline constexpr std::int64_t kSequences = 21;  // more than are added in float32
inline constexpr std::int64_t kTokens = 24;

/// With a card, and the tiny model that the parameter names.
class CardPhases : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (!test::tested_settings().card) {
            GTEST_SKIP() << "no card: " << device::CardModule::get().reason();
        }
    }

    std::vector<pruning::PruneTarget> uniform(double ratio) const {
        std::vector<pruning::PruneTarget> targets(model_.catalogue().matrices.size());
        std::ranges::fill(targets, pruning::PruneTarget{ratio, {}});
        return targets;
    }

    SharedModel model_{[](const fs::path& folder) {
        fs::copy(fs::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/models" / GetParam(), folder,
                 fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }};
};

/// Block 0 of a model on the card, by this rank alone.
class FirstBlock {
  public:
    explicit FirstBlock(const model::Catalogue& catalogue)
        : plan_(transformer::make_forward_plan(catalogue)),
          sites_(transformer::input_sites(plan_, 0)),
          runner_(transformer::make_block_runner(self_, test::lone_team(), plan_,
                                                 test::tested_settings())) {
        model::WeightReader reader(catalogue);
        const model::RowSource source = [&](const model::TensorInfo& tensor,
                                            parallel::RowRange rows, std::span<std::byte> out) {
            reader.read_rows(tensor, rows, out);
        };
        std::vector<std::span<const std::int32_t>> all;
        for (std::int64_t s = 0; s < kSequences; ++s) {
            all.push_back(sequences_.sequence(s));
        }
        runner_->embed(all, source);
        runner_->load(0, source);
    }

    transformer::BlockRunner& runner() { return *runner_; }
    std::size_t sites() const { return sites_.size(); }
    std::int64_t cols(std::size_t site) const { return sites_[site].cols; }

    /// Shows them all, each site's sequences in order.
    void observe(InputNeeds needs, const transformer::InputObserver& observer) {
        runner_->set_needs(needs);
        for (std::int64_t s = 0; s < kSequences; ++s) {
            runner_->observe(s, observer);
        }
    }

    /// Of a site each, added up on the card and not yet finished.
    std::vector<pruning::SiteStatistics> statistics() {
        runner_->set_needs(InputNeeds::products);
        const pruning::BlockInputs inputs{self_,      nodes_, test::lone_team(), {},
                                          kSequences, {},     runner_->far()};
        EXPECT_NE(inputs.far, nullptr);
        std::vector<pruning::SiteStatistics> all;
        for (const transformer::InputSite& site : sites_) {
            all.emplace_back(inputs, pruning::SiteShape{site.cols}, pruning::PrunerSettings{});
        }
        observe(InputNeeds::products, [&](const transformer::ObservedInput& seen) {
            all[seen.site].add({0, seen.tokens, seen.values, {}, {}, {}});
        });
        return all;
    }

  private:
    parallel::Communicator self_ = test::alone();
    parallel::NodeMap nodes_{self_};
    model::TokenSequences sequences_ = random_sequences(kSequences, kTokens);
    transformer::ForwardPlan plan_;
    std::vector<transformer::InputSite> sites_;
    std::unique_ptr<transformer::BlockRunner> runner_;
};

}  // namespace alphaprune::phases
