#include <array>

#include "alphaprune/transformer/perplexity.hpp"
#include "model_pass.hpp"

namespace alphaprune::transformer {

std::vector<float> logits_of(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                             const model::RowSource& source, std::span<const std::int32_t> tokens) {
    const ModelPass model(ranks, catalogue, source);
    const auto count = static_cast<std::int64_t>(tokens.size());
    const auto features = model.features_of(std::array{tokens}, count, [] {});
    const std::int64_t width = model.transformer().feature_size();
    const auto index = static_cast<std::size_t>(model.transformer().vocabulary_tensor());
    const std::int64_t vocabulary = catalogue.tensors[index].rows();

    std::vector<float> logits(static_cast<std::size_t>(count * vocabulary));
    model.for_each_vocabulary_part(
        PerplexityLimits{}.vocabulary_bytes,
        [&](parallel::RowRange rows, linalg::ConstFloatView weights) {
            linalg::sgemm(1, {features.data(), count, width, width}, weights,
                          linalg::Transpose::yes, 0,
                          {logits.data() + rows.begin, count, rows.size(), vocabulary});
        });
    return logits;
}

}  // namespace alphaprune::transformer
