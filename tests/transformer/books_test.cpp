// The embedded model against logits that transformers computed, and against the perplexity that
// numpy computed in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

constexpr std::int64_t kLength = 512;

/// The first 64 windows of 512 tokens of the held-out text.
model::TokenSequences held_out_windows() {
    const formats::NpyTokens file =
        formats::read_npy_tokens(kSourceFolder / "data/books-7m/eval_short.npy");
    model::TokenSequences windows{kLength, {file.values.begin(), file.values.end()}};
    windows.ids.resize(windows.ids.size() / kLength * kLength);
    return windows;
}

TEST(Books7m, Logits) {
    StoredModel model(kSourceFolder / "data/books-7m");
    const formats::NpyNumbers reference =
        formats::read_npy_numbers(kSourceFolder / "tests/data/reference/books-7m-logits.npy");
    const auto logits = transformer::logits_of(world(), model.catalogue, model.source(),
                                               held_out_windows().sequence(0));
    const auto columns = static_cast<std::size_t>(reference.shape[1]);
    ASSERT_EQ(columns, 1U + 4096U);
    double worst = 0;
    for (std::size_t at = 0; at < reference.values.size(); at += columns) {
        const auto start = static_cast<std::size_t>(reference.values[at]) * (columns - 1);
        for (std::size_t i = 1; i < columns; ++i) {
            const auto ours = static_cast<double>(logits[start + i - 1]);
            worst = std::max(worst, std::abs(ours - reference.values[at + i]));
        }
    }
    EXPECT_LT(worst, 2e-3);
}

TEST(Books7m, DensePerplexity) {
    StoredModel model(kSourceFolder / "data/books-7m");
    const model::TokenSequences windows = held_out_windows();
    int calls = 0;
    const auto progress = [&](std::int64_t done, std::int64_t of) {
        EXPECT_EQ(done, ++calls);
        EXPECT_EQ(of, 8);
    };
    const transformer::Perplexity perplexity = transformer::measure_perplexity(
        world(), parallel::NodeMap(world()), model.catalogue, model.source(), windows, progress);
    EXPECT_NEAR(perplexity.value, 26.4677, 0.0001 * 26.4677);
    EXPECT_EQ(perplexity.windows, 64);
    EXPECT_EQ(calls, world().is_root() ? 8 : 0);
}

}  // namespace
}  // namespace alphaprune::test
