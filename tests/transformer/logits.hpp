#pragma once

#include <array>
#include <span>
#include <vector>

#include "alphaprune/transformer/perplexity.hpp"
#include "model_pass.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {

/// Logits of one sequence (tokens × vocabulary), which all ranks share. Run collectively.
inline std::vector<float> logits_of(const parallel::Communicator& ranks,
                                    const model::Catalogue& catalogue,
                                    const model::RowSource& source,
                                    std::span<const std::int32_t> tokens) {
    const parallel::NodeMap nodes(ranks);
    ModelPass model(ranks, nodes, catalogue, source, 1);
    model.run(std::array{tokens}, [] {});
    const auto count = static_cast<std::int64_t>(tokens.size());
    const std::int64_t vocabulary = model.plan().tensor(model.plan().vocabulary).rows();
    std::vector<float> logits(static_cast<std::size_t>(count * vocabulary));
    model.for_each_vocabulary_part(
        PerplexitySettings{}.vocabulary_bytes,
        [&](std::size_t, linalg::ConstFloatView features, parallel::RowRange rows,
            linalg::ConstFloatView weights) {
            linalg::sgemm(1, features, weights, linalg::Transpose::yes, 0,
                          {logits.data() + rows.begin, count, rows.size(), vocabulary});
        });
    if (const double cap = model.plan().frame.logits_softcap; cap > 0) {
        soft_cap(logits, static_cast<float>(cap));
    }
    return logits;
}

}  // namespace alphaprune::transformer
