#include "alphaprune/transformer/forward_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/transformer/transformer.hpp"
#include "read_widened.hpp"

namespace alphaprune::transformer {
namespace {

/// Rows of two tensors of one shape, up to the first that differ.
bool differ(const model::RowSource& source, const model::TensorInfo& one,
            const model::TensorInfo& other, parallel::RowRange rows) {
    constexpr std::int64_t kPieceValues = std::int64_t{1} << 20;
    const std::int64_t length = std::max<std::int64_t>(one.row_length(), 1);
    const std::int64_t high = std::max<std::int64_t>(kPieceValues / length, 1);
    std::vector<float> left;
    std::vector<float> right;
    for (std::int64_t begin = rows.begin; begin < rows.end; begin += high) {
        const parallel::RowRange piece{begin, std::min(begin + high, rows.end)};
        left.resize(static_cast<std::size_t>(piece.size() * length));
        right.resize(left.size());
        read_widened(source, one, piece, left);
        read_widened(source, other, piece, right);
        if (left != right) {
            return true;
        }
    }
    return false;
}

/// Collective.
bool has_another_head(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                      const model::RowSource& source, const Transformer& transformer) {
    const int embedding = transformer.embedding_tensor();
    const int head = transformer.vocabulary_tensor();
    if (!catalogue.configuration.tied_embeddings || embedding == head) {
        return false;
    }
    const model::TensorInfo& one = catalogue.tensors[static_cast<std::size_t>(embedding)];
    const model::TensorInfo& other = catalogue.tensors[static_cast<std::size_t>(head)];
    return ranks.any(parallel::run_collectively(ranks, [&] {
        return differ(source, one, other,
                      parallel::share_of(one.rows(), ranks.size(), ranks.rank()));
    }));
}

}  // namespace

std::vector<std::string> check_forward_pass(const parallel::Communicator& ranks,
                                            const model::Catalogue& catalogue,
                                            const model::RowSource& source, PassReach reach) {
    const Transformer transformer = parallel::run_collectively(ranks, [&] {
        Transformer made(catalogue);
        if (reach == PassReach::head) {
            made.require_head();
        }
        return made;
    });
    std::vector<std::string> warnings = transformer.warnings();
    if (reach == PassReach::head && has_another_head(ranks, catalogue, source, transformer)) {
        const auto name_of = [&](int tensor) {
            return catalogue.tensors[static_cast<std::size_t>(tensor)].name;
        };
        warnings.push_back(fmt::format(
            "{} is not the embedding {}, although tie_word_embeddings is true: perplexities are "
            "those with the stored head, as in transformers 5; set tie_word_embeddings to false "
            "in config.json if that is meant, as other programs may take the embedding",
            name_of(transformer.vocabulary_tensor()), name_of(transformer.embedding_tensor())));
    }
    return warnings;
}

}  // namespace alphaprune::transformer
