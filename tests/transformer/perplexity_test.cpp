#include "alphaprune/transformer/perplexity.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "support/plain_errors.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

constexpr std::int64_t kLength = 40;

model::TokenSequences some_windows(std::int64_t count) {
    model::TokenSequences windows{kLength, {}};
    for (std::int64_t i = 0; i < count * kLength; ++i) {
        windows.ids.push_back(static_cast<std::int32_t>((i * i * 7 + 13 * i + 5) % 509));
    }
    return windows;
}

class PerplexityOf : public testing::TestWithParam<const char*> {
  protected:
    double measure(const parallel::Communicator& ranks, const model::TokenSequences& windows,
                   const transformer::PerplexitySettings& limits = {}) {
        return transformer::measure_perplexity(ranks, parallel::NodeMap(ranks), model_.catalogue,
                                               model_.source(), windows, {}, limits)
            .value;
    }
    StoredModel model_{kSourceFolder / "tests/data/models" / GetParam()};
};

TEST_P(PerplexityOf, HasTheSameBitsOnAnyNumberOfRanks) {
    const parallel::Communicator self = world().split(world().rank(), 0);
    for (const std::int64_t count : {1, 3, 7}) {  // often fewer windows than ranks
        const model::TokenSequences windows = some_windows(count);
        const double alone = measure(self, windows);
        const double together = measure(world(), windows);
        EXPECT_EQ(std::bit_cast<std::uint64_t>(alone), std::bit_cast<std::uint64_t>(together))
            << count << " windows: " << alone << " and " << together;
    }
}

TEST_P(PerplexityOf, IsThatOfTheLogits) {
    const model::TokenSequences windows = some_windows(2);
    double loss = 0;
    for (std::int64_t window = 0; window < 2; ++window) {
        const auto tokens = windows.sequence(window);
        const auto logits =
            transformer::logits_of(world(), model_.catalogue, model_.source(), tokens);
        const std::size_t vocabulary = logits.size() / tokens.size();
        for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
            double total = 0;
            for (std::size_t i = 0; i < vocabulary; ++i) {
                total += std::exp(static_cast<double>(logits[t * vocabulary + i]));
            }
            const auto target = static_cast<std::size_t>(tokens[t + 1]);
            loss += std::log(total) - static_cast<double>(logits[t * vocabulary + target]);
        }
    }
    const double expected = std::exp(loss / (2 * (kLength - 1)));
    // Losses are of logits in float32, which other kernels round otherwise.
    const double rounding =
        8 * std::numeric_limits<float>::epsilon() * (1 + std::abs(std::log(expected)));
    EXPECT_NEAR(measure(world(), windows), expected, rounding * expected);
}

TEST_P(PerplexityOf, HasTheSameBitsInOnePassOrSeveral) {
    const model::TokenSequences windows = some_windows(11);
    const std::uint64_t window_bytes = kLength * 64 * sizeof(float);
    for (const std::uint64_t state_bytes : {std::uint64_t{1}, 3 * window_bytes}) {
        EXPECT_EQ(measure(world(), windows, {.state_bytes = state_bytes}),
                  measure(world(), windows));
    }
}

TEST_P(PerplexityOf, HangsOnThePartsOfTheVocabularyByRounding) {
    const model::TokenSequences windows = some_windows(2);
    const double expected = measure(world(), windows);
    for (const std::uint64_t bytes : {1ULL, 64000ULL}) {  // one row, 250 rows
        EXPECT_NEAR(measure(world(), windows, {.vocabulary_bytes = bytes}), expected,
                    1e-6 * expected);
    }
}

TEST_P(PerplexityOf, TellsOfTheBlocksOfAllPasses) {
    std::vector<std::int64_t> seen;
    const parallel::NodeMap nodes(world());
    const std::int64_t passes = parallel::Teams(world(), nodes, 7).rounds();
    transformer::measure_perplexity(
        world(), parallel::NodeMap(world()), model_.catalogue, model_.source(), some_windows(7),
        [&](std::int64_t done, std::int64_t of) {
            seen.push_back(done);
            EXPECT_EQ(of, 3 * passes);
        },
        transformer::PerplexitySettings{.state_bytes = 1});  // one window at a time
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(world().is_root() ? 3 * passes : 0));
    EXPECT_TRUE(seen.empty() || seen.back() == 3 * passes);
}

TEST_P(PerplexityOf, AFaultOnOneRankIsThrownOnAll) {
    const model::RowSource whole = model_.source();
    for (const std::string part : {"embed_tokens", "fc2", "down_proj", "norm"}) {
        const model::RowSource broken = [&](const model::TensorInfo& tensor,
                                            parallel::RowRange rows, std::span<std::byte> out) {
            if (world().is_root() && tensor.name.find(part) != std::string::npos) {
                throw support::failure("cannot read", tensor.name, "try again");
            }
            whole(tensor, rows, out);
        };
        bool thrown = false;
        try {
            transformer::measure_perplexity(world(), parallel::NodeMap(world()), model_.catalogue,
                                            broken, some_windows(2), {});
        } catch (const support::Error& error) {
            thrown = error.agreed();
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos);
        }
        const bool opt = GetParam() == std::string("tiny-opt");
        EXPECT_EQ(thrown, part == "fc2" ? opt : part == "down_proj" ? !opt : true) << part;
    }
}

INSTANTIATE_TEST_SUITE_P(Tiny, PerplexityOf, testing::Values("tiny-mistral", "tiny-opt"));

}  // namespace
}  // namespace alphaprune::test
