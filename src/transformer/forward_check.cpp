#include "alphaprune/transformer/forward_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {
namespace {

const support::Warning<std::string> kUnusedBiases{
    "transformer.unused-biases",
    "the forward pass leaves out biases that the files hold and config.json does not announce, as "
    "transformers does: {}",
    "the family's linear layers have biases only where config.json says so",
    "announce them in config.json (attention_bias, mlp_bias, enable_bias) if they are meant"};
const support::Warning<std::string, std::string> kUnusedTensors{
    "transformer.unused-tensors",
    "the forward pass of {} models has no use for these tensors, which the files hold: {}; where "
    "they matter, model_type in config.json is wrong, and so are perplexities and what pruners "
    "and allocations see of activations",
    "the model is a variant of its family, or carries tensors of its training",
    "correct model_type in config.json if it is wrong"};
const support::Warning<std::string, std::string> kAnotherHead{
    "transformer.another-head",
    "{} is not the embedding {}, although tie_word_embeddings is true: perplexities are those with "
    "the stored head, as in transformers 5; set tie_word_embeddings to false in config.json if "
    "that is meant, as other programs may take the embedding",
    "the head was trained or changed by itself",
    "set tie_word_embeddings to false in config.json if that is meant"};

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

/// Run collectively.
bool has_another_head(const parallel::Communicator& ranks, const ForwardPlan& plan,
                      const model::RowSource& source) {
    if (!plan.configuration().tied_embeddings || plan.embedding == plan.vocabulary) {
        return false;
    }
    const model::TensorInfo& one = plan.tensor(plan.embedding);
    const model::TensorInfo& other = plan.tensor(plan.vocabulary);
    return ranks.any(parallel::run_collectively(ranks, [&] {
        return differ(source, one, other,
                      parallel::share_of(one.rows(), ranks.size(), ranks.rank()));
    }));
}

/// What follows from the configuration alone and was stored all the same, by older libraries.
/// Causal masks [1, 1, n, n] are called "bias", too.
bool is_buffer(const model::TensorInfo& tensor) {
    constexpr std::array<std::string_view, 8> kBuffers{"inv_freq",   "position_ids", "masked_bias",
                                                       "mask",       "causal_mask",  "attn_mask",
                                                       "cos_cached", "sin_cached"};
    const std::string_view name = tensor.name;
    const std::string_view last = name.substr(name.rfind('.') + 1);
    return std::ranges::find(kBuffers, last) != kBuffers.end() ||
           (last == "bias" && tensor.shape.size() == 4);
}

/// "x.bias" where "x.weight" takes part in the forward pass.
bool is_bias_of_used(std::string_view name, const std::set<std::string_view>& used) {
    constexpr std::string_view kBias = ".bias";
    return name.ends_with(kBias) &&
           used.contains(fmt::format("{}.weight", name.substr(0, name.size() - kBias.size())));
}

/// Stored tensors that the forward pass passes over, a sentence per kind: biases that config.json
/// does not announce, and whatever the family knows nothing of. Buffers such as rotary frequencies
/// are not worth a word.
std::vector<std::string> warnings_on_unused(const ForwardPlan& plan) {
    const std::vector<model::TensorInfo>& tensors = plan.catalogue->tensors;
    std::set<std::string_view> used;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        if (plan.used[t]) {
            used.insert(tensors[t].name);
        }
    }
    std::vector<std::string> biases;
    std::vector<std::string> others;
    const bool is_part = plan.configuration().model_type != plan.catalogue->family;
    for (const model::TensorInfo& tensor : tensors) {
        if (is_part && !tensor.name.starts_with(plan.catalogue->base_prefix)) {
            continue;  // of the other parts
        }
        if (!used.contains(tensor.name) && !is_buffer(tensor)) {
            (is_bias_of_used(tensor.name, used) ? biases : others).push_back(tensor.name);
        }
    }
    std::vector<std::string> warnings;
    if (!biases.empty()) {
        warnings.push_back(kUnusedBiases(model::list_names(biases)));
    }
    if (!others.empty()) {
        warnings.push_back(
            kUnusedTensors(plan.configuration().model_type, model::list_names(others)));
    }
    return warnings;
}

}  // namespace

std::vector<std::string> check_forward_pass(const parallel::Communicator& ranks,
                                            const model::Catalogue& catalogue,
                                            const model::RowSource& source, PassReach reach) {
    const ForwardPlan plan = parallel::run_collectively(ranks, [&] {
        ForwardPlan made = make_forward_plan(catalogue);
        if (reach == PassReach::head) {
            require_head(made);
        }
        return made;
    });
    std::vector<std::string> warnings = warnings_on_unused(plan);
    if (reach == PassReach::head && has_another_head(ranks, plan, source)) {
        warnings.push_back(
            kAnotherHead(plan.tensor(plan.vocabulary).name, plan.tensor(plan.embedding).name));
    }
    return warnings;
}

}  // namespace alphaprune::transformer
