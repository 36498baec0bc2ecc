#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "config_fields.hpp"
#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string> kBlocksMissing{
    "model.blocks-missing",
    "{} cannot be found among the two-dimensional weights; numbered names: {}",
    "config.json belongs to another model, or the model is not a decoder of numbered blocks",
    "blocks are recognized by names like model.layers.0.mlp.up_proj.weight; check that config.json "
    "and the weights belong to the same model"};

const support::BadRequest<std::string> kAmbiguousBlocks{
    "model.ambiguous-blocks", "several parts of the model may be its decoder blocks: {}",
    "config.json does not say how large the language model is, or several parts are as large",
    "exclude the others with --exclude, as in --exclude '^vision_tower\\.', or name matrices of "
    "the "
    "decoder with --include"};

/// A prefix that may be the one before the block numbers, and the matrices (or stacks of them)
/// under it.
struct Candidate {
    std::string_view prefix;
    std::set<std::int64_t> numbers;
    std::vector<int> tensors;
    std::shared_ptr<const RoleFinder> roles = {};  ///< of the tensors, once they are needed

    std::string text() const { return fmt::format("{}<{}>", prefix, list_numbers(numbers)); }
};
using Candidates = std::vector<Candidate>;

bool may_be_a_layer(const TensorInfo& tensor) {
    constexpr std::size_t kStacked = 3;
    return tensor.shape.size() == kStacked ||
           (is_matrix(tensor) && std::string_view(tensor.name).ends_with(".weight"));
}

/// All names "<any>.<number>.<any>", grouped by what precedes the number. A name with two numbers
/// counts under both prefixes.
Candidates find_candidates(const Catalogue& catalogue) {
    std::map<std::string_view, Candidate> by_prefix;
    for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
        const TensorInfo& tensor = catalogue.tensors[i];
        if (!may_be_a_layer(tensor)) {
            continue;
        }
        for (const NumberedName& part : numbered_parts(tensor.name)) {
            if (part.rest == "weight") {
                continue;
            }
            Candidate& candidate = by_prefix[part.prefix];
            candidate.prefix = part.prefix;
            candidate.numbers.insert(part.number);
            candidate.tensors.push_back(static_cast<int>(i));
        }
    }
    Candidates candidates;
    for (auto& [prefix, candidate] : by_prefix) {
        candidates.push_back(std::move(candidate));
    }
    return candidates;
}

bool has_all_below(const std::set<std::int64_t>& numbers, std::int64_t count) {
    return std::distance(numbers.begin(), numbers.lower_bound(count)) == count;
}

/// Inside a block of another candidate ("model.layers.3.mlp.experts." in "model.layers.").
bool is_nested(const Candidate& inner, const Candidates& candidates, bool announced) {
    return std::ranges::any_of(candidates, [&](const Candidate& outer) {
        return (announced || outer.numbers.size() > 1) &&
               inner.prefix.size() > outer.prefix.size() &&
               after_prefix(fmt::format("{}x", inner.prefix), outer.prefix).has_value();
    });
}

/// Narrows the candidates down, step by step.
class Selection {
  public:
    Selection(const Catalogue& catalogue, Candidates candidates)
        : catalogue_(catalogue), candidates_(std::move(candidates)) {}

    Candidates& candidates() { return candidates_; }

    /// Keeps only those for which `fits` holds.
    template <class Fits>
    void require(Fits fits) {
        std::erase_if(candidates_, [&](const Candidate& one) { return !fits(one); });
    }
    /// The same, unless it holds for none.
    template <class Fits>
    void prefer(Fits fits) {
        if (std::ranges::any_of(candidates_, fits)) {
            require(fits);
        }
    }

    /// Whether half of the weights have that extent in one of their dimensions.
    bool has_width(const Candidate& candidate, std::int64_t width) const {
        std::int64_t all = 0;
        for (const int index : candidate.tensors) {
            all += weights_of(tensor_of(index));
        }
        return 2 * weights_with(candidate)[width] >= all;
    }
    /// Whether no other extent has more of the weights.
    bool is_main_width(const Candidate& candidate, std::int64_t width) const {
        std::map<std::int64_t, std::int64_t> weights = weights_with(candidate);
        const std::int64_t with = weights[width];
        return with > 0 && std::ranges::all_of(
                               weights, [&](const auto& other) { return other.second <= with; });
    }
    /// Whether some matrix has it, or twice it (gate and up in one).
    bool has_extent(const Candidate& candidate, std::int64_t extent) const {
        return std::ranges::any_of(candidate.tensors, [&](int index) {
            const auto& shape = tensor_of(index).shape;
            return std::ranges::count(shape, extent) + std::ranges::count(shape, 2 * extent) > 0;
        });
    }
    const TensorInfo& tensor_of(int index) const {
        return catalogue_.tensors[static_cast<std::size_t>(index)];
    }

  private:
    static std::int64_t weights_of(const TensorInfo& tensor) {
        return tensor.rows() * tensor.row_length();
    }
    /// For each extent, the weights of the tensors that have it.
    std::map<std::int64_t, std::int64_t> weights_with(const Candidate& candidate) const {
        std::map<std::int64_t, std::int64_t> weights;
        for (const int index : candidate.tensors) {
            const TensorInfo& tensor = tensor_of(index);
            for (const std::int64_t extent : std::set(tensor.shape.begin(), tensor.shape.end())) {
                weights[extent] += weights_of(tensor);
            }
        }
        return weights;
    }

    const Catalogue& catalogue_;
    Candidates candidates_;
};

/// Positive where the names suggest text, negative where they suggest something else.
int text_score(std::string_view prefix) {
    constexpr std::array<std::string_view, 8> kText{"text", "language", "llm",     "lm",
                                                    "gpt",  "decoder",  "thinker", "causal"};
    constexpr std::array<std::string_view, 33> kOther{
        "cross",     "vision",  "visual",    "image",     "img",     "video",     "audio",
        "speech",    "sound",   "vit",       "clip",      "siglip",  "sam",       "qformer",
        "resampler", "adapter", "projector", "connector", "encoder", "talker",    "vpm",
        "apm",       "tts",     "codec",     "mtp",       "depth",   "predictor", "draft",
        "tokenizer", "merger",  "pooler",    "refiner",   "embedder"};
    int score = 0;
    for (const std::string& word : words_of(prefix)) {
        score += std::ranges::count(kText, word) > 0 ? 1 : 0;
        score -= std::ranges::count(kOther, word) > 0 || word.starts_with("token2") ? 1 : 0;
    }
    return score;
}

/// Drops what has no linear layer, or only excluded ones.
void require_linear_layers(Selection& selection, const Catalogue& catalogue,
                           const MatrixChoice& choice) {
    for (Candidate& candidate : selection.candidates()) {
        const BlockStack stack{std::string(candidate.prefix), *candidate.numbers.rbegin() + 1};
        candidate.roles = std::make_shared<RoleFinder>(catalogue, stack);
    }
    selection.require([&](const Candidate& candidate) {
        return std::ranges::any_of(candidate.tensors, [&](int index) {
            const TensorInfo& tensor = selection.tensor_of(index);
            const Role role = candidate.roles->role_of(tensor);
            return !choice.excludes(tensor.name) &&
                   (role == Role::linear || role == Role::stacked || role == Role::other ||
                    choice.includes(tensor.name));
        });
    });
    if (!choice.include.empty()) {
        selection.prefer([&](const Candidate& candidate) {
            return std::ranges::any_of(candidate.tensors, [&](int index) {
                return choice.includes(selection.tensor_of(index).name);
            });
        });
    }
}

/// Prefers candidates of the sizes that the configuration gives.
void prefer_described(Selection& selection, const ModelConfiguration& model) {
    const auto usual = usual_sizes(model.text_type);
    if (model.blocks == 0 && usual) {
        selection.prefer(
            [&](const Candidate& one) { return has_all_below(one.numbers, usual->blocks); });
    }
    const std::int64_t width = model.hidden_size > 0 ? model.hidden_size
                               : usual               ? usual->hidden_size
                                                     : 0;
    const auto wide = [&](const Candidate& one) { return selection.has_width(one, width); };
    if (model.is_part && model.blocks > 0 && model.hidden_size > 0) {
        selection.require(wide);
    }
    if (width > 0) {
        selection.prefer(wide);
        selection.prefer([&](const Candidate& one) { return selection.is_main_width(one, width); });
    }
    if (model.intermediate_size > 0) {
        selection.prefer([&](const Candidate& one) {
            return selection.has_extent(one, model.intermediate_size);
        });
    }
    if (model.blocks > 0) {  // before those with blocks beyond, such as heads for more tokens
        selection.prefer([&](const Candidate& one) {
            return static_cast<std::int64_t>(one.numbers.size()) == model.blocks;
        });
    } else {
        selection.prefer([](const Candidate& one) { return one.numbers.size() > 1; });
    }
}

void prefer_named_for_text(Selection& selection) {
    int most = std::numeric_limits<int>::min();
    for (const Candidate& candidate : selection.candidates()) {
        most = std::max(most, text_score(candidate.prefix));
    }
    selection.require([&](const Candidate& one) { return text_score(one.prefix) == most; });
}

std::vector<std::string> texts_of(const Candidates& candidates) {
    std::vector<std::string> texts;
    for (const Candidate& candidate : candidates) {
        texts.push_back(candidate.text());
    }
    return texts;
}

support::Error no_blocks(const Candidates& candidates, const Catalogue& catalogue) {
    const ModelConfiguration& model = catalogue.configuration;
    std::string wanted = "decoder blocks numbered from 0";
    if (model.blocks > 0) {
        wanted = fmt::format("the {} blocks{} that config.json announces", model.blocks,
                             model.is_part && model.hidden_size > 0
                                 ? fmt::format(" of hidden size {}", model.hidden_size)
                                 : std::string());
    }
    return kBlocksMissing(catalogue.folder.string(), wanted,
                          candidates.empty() ? "none" : list_names(texts_of(candidates)));
}

}  // namespace

std::optional<ChosenBlocks> choose_blocks(const Catalogue& catalogue, const MatrixChoice& choice,
                                          support::FaultList& faults) {
    const std::int64_t announced = catalogue.configuration.blocks;
    const Candidates all = find_candidates(catalogue);
    Selection selection(catalogue, all);
    selection.require([&](const Candidate& one) {
        return has_all_below(one.numbers, announced > 0 ? announced : std::ssize(one.numbers));
    });
    const Candidates whole = selection.candidates();
    selection.require([&](const Candidate& one) { return !is_nested(one, whole, announced > 0); });
    require_linear_layers(selection, catalogue, choice);
    prefer_described(selection, catalogue.configuration);
    if (selection.candidates().empty()) {
        faults.add(no_blocks(all, catalogue));
        return std::nullopt;
    }
    prefer_named_for_text(selection);
    if (selection.candidates().size() > 1) {
        faults.add(kAmbiguousBlocks(catalogue.folder.string(),
                                    list_names(texts_of(selection.candidates()))));
        return std::nullopt;
    }
    const Candidate& chosen = selection.candidates().front();
    ChosenBlocks result;
    result.blocks = {std::string(chosen.prefix),
                     announced > 0 ? announced : static_cast<std::int64_t>(chosen.numbers.size())};
    result.tensors = chosen.roles->tensors_in(result.blocks.count);
    const std::set<std::int64_t> beyond(chosen.numbers.lower_bound(result.blocks.count),
                                        chosen.numbers.end());
    if (!beyond.empty()) {
        result.others.push_back(Candidate{chosen.prefix, beyond, {}}.text());
    }
    for (const Candidate& candidate : all) {
        if (candidate.prefix != chosen.prefix && candidate.numbers.size() > 1 &&
            !is_nested(candidate, all, false)) {
            result.others.push_back(candidate.text());
        }
    }
    return result;
}

}  // namespace alphaprune::model
