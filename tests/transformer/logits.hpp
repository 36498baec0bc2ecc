#pragma once

#include <array>
#include <span>
#include <vector>

#include "alphaprune/transformer/perplexity.hpp"
#include "model_pass.hpp"
#include "tested_settings.hpp"
#include "vector_math.hpp"
#include "vocabulary_parts.hpp"

namespace alphaprune::transformer {

/// Logits of one sequence (tokens × vocabulary), which all ranks share. Run collectively.
inline std::vector<float> logits_of(const parallel::Communicator& ranks,
                                    const model::Catalogue& catalogue,
                                    const model::RowSource& source,
                                    std::span<const std::int32_t> tokens) {
    const parallel::NodeMap nodes(ranks);
    ModelPass model(ranks, nodes, catalogue, source, 1, test::tested_settings());
    model.run(std::array{tokens}, [] {});
    const auto count = static_cast<std::int64_t>(tokens.size());
    const std::int64_t vocabulary = model.plan().tensor(model.plan().vocabulary).rows();
    std::vector<float> logits(static_cast<std::size_t>(count * vocabulary));
    for_each_vocabulary_rows(
        ranks, nodes.node(), model.plan(), source, PerplexitySettings{}.vocabulary_bytes,
        [&](parallel::RowRange rows, linalg::ConstFloatView weights) {
            if (model.runner().sequences() == 0) {
                return;
            }
            const std::int64_t width = weights.cols;
            const auto features = model.runner().features(0);
            linalg::sgemm(1, {features.data(), count, width, width}, weights,
                          linalg::Transpose::yes, 0,
                          {logits.data() + rows.begin, count, rows.size(), vocabulary});
        });
    if (const double cap = model.plan().frame.logits_softcap; cap > 0) {
        soft_cap(logits, static_cast<float>(cap));
    }
    return logits;
}

}  // namespace alphaprune::transformer
