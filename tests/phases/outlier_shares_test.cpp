#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "alphaprune/phases/outlier_phase.hpp"
#include "phases/calibrated_runs.hpp"
#include "phases/plain_wanda.hpp"

namespace alphaprune::phases {
namespace {

using test::random_sequences;
using test::SharedModel;
using test::spread_over;
using test::world;

constexpr double kMultiple = 2.5;

std::vector<double> shares_plainly(const model::Catalogue& catalogue,
                                   const model::TokenSequences& sequences) {
    std::vector<double> shares;
    test::walk_plainly(catalogue, sequences, [&](test::PlainBlock& block) {
        std::vector<double> scores;
        for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
            const model::MatrixInfo& matrix = catalogue.matrices[m];
            if (matrix.block == block.number) {
                const std::span<const float> values =
                    block.runner.rows(static_cast<int>(m), {0, matrix.rows});
                for (std::size_t i = 0; i < values.size(); ++i) {
                    scores.push_back(double{std::fabs(values[i])} *
                                     block.norms[m][i % static_cast<std::size_t>(matrix.cols)]);
                }
            }
        }
        const auto all = static_cast<double>(scores.size());
        const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / all;
        const auto outliers =
            std::ranges::count_if(scores, [&](double score) { return score > kMultiple * mean; });
        shares.push_back(static_cast<double>(outliers) / all);
    });
    return shares;
}

TEST(OutlierShares, AreThoseOfPlainLoopsOnAnyRanksAndNodes) {
    const SharedModel model(support::ScalarType::bfloat16);
    for (const auto& sequences :
         {random_sequences(5, 12), random_sequences(2, 9), random_sequences(6, 1)}) {
        const auto plain = shares_plainly(model.catalogue(), sequences);
        for (const double share : plain) {
            EXPECT_GT(share, 0.001);  // there is something to find
            EXPECT_LT(share, 0.5);
        }
        const parallel::Communicator self = test::alone();
        EXPECT_EQ(block_scores(self, parallel::NodeMap(self), model.catalogue(), sequences,
                               kMultiple, {}),
                  plain);
        for (const int nodes : {1, 3}) {
            EXPECT_EQ(block_scores(world(), spread_over(nodes), model.catalogue(), sequences,
                                   kMultiple, {}),
                      plain);
        }
    }
}

TEST(OutlierShares, OfARangeOfBlocksAreThoseOfTheWholeModel) {
    const SharedModel model(support::ScalarType::bfloat16);
    const model::TokenSequences sequences = random_sequences(5, 12);
    const auto of = [&](const model::Catalogue& catalogue) {
        return block_scores(world(), spread_over(2), catalogue, sequences, kMultiple, {});
    };
    const std::vector<double> all = of(model.catalogue());
    for (int block = 0; block < model.catalogue().blocks(); ++block) {
        model::Catalogue part = model.catalogue();
        model::keep_blocks(part, {block, block});
        EXPECT_EQ(of(part), std::vector<double>{all[static_cast<std::size_t>(block)]});
    }
}

TEST(OutlierShares, ATokenOutsideTheVocabularyEndsAllRanks) {
    const SharedModel model(support::ScalarType::bfloat16);
    model::TokenSequences sequences = random_sequences(2, 4);
    sequences.ids.back() = 32;  // the vocabulary ends at 31
    try {
        block_scores(world(), spread_over(2), model.catalogue(), sequences, kMultiple, {});
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
    }
}

}  // namespace
}  // namespace alphaprune::phases
