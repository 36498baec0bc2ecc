#include "choose_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "block_names.hpp"
#include "find_matrices.hpp"
#include "name_list.hpp"
#include "name_words.hpp"
#include "tensor_role.hpp"
#include "text_part.hpp"

namespace alphaprune::model {
namespace {

/// A prefix that may be the one before the block numbers, and the matrices (or stacks of them)
/// under it.
struct Candidate {
    std::string_view prefix;
    std::set<std::int64_t> numbers;
    std::vector<int> tensors;

    std::string text() const { return fmt::format("{}<{}>", prefix, list_numbers(numbers)); }
};
using Candidates = std::vector<Candidate>;

bool may_be_a_layer(const TensorInfo& tensor) {
    constexpr std::size_t kStacked = 3;
    return tensor.shape.size() == kStacked ||
           (is_matrix(tensor) && std::string_view(tensor.name).ends_with(".weight"));
}

/// "<any>.<number>.<any>", by what stands before the number. A name with two numbers counts under
/// both prefixes.
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

    /// Only those for which `fits` holds.
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

/// Positive where the names speak of text, negative where they speak of something else.
int speaks_of_text(std::string_view prefix) {
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

/// Drops what holds no linear layer, or none that the user leaves in.
void require_linear_layers(Selection& selection, const Catalogue& catalogue,
                           const MatrixChoice& choice) {
    selection.require([&](const Candidate& candidate) {
        const BlockStack stack{std::string(candidate.prefix), *candidate.numbers.rbegin() + 1};
        const RoleFinder roles(catalogue, stack);
        return std::ranges::any_of(candidate.tensors, [&](int index) {
            const TensorInfo& tensor = selection.tensor_of(index);
            const Role role = roles.role_of(tensor);
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

/// By what the configuration says of the sizes.
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
        most = std::max(most, speaks_of_text(candidate.prefix));
    }
    selection.require([&](const Candidate& one) { return speaks_of_text(one.prefix) == most; });
}

std::vector<std::string> texts_of(const Candidates& candidates) {
    std::vector<std::string> texts;
    for (const Candidate& candidate : candidates) {
        texts.push_back(candidate.text());
    }
    return texts;
}

void add_no_blocks(const Candidates& candidates, const Catalogue& catalogue,
                   support::FaultList& faults) {
    const std::vector<std::string> seen = texts_of(candidates);
    const ModelConfiguration& model = catalogue.configuration;
    const std::string size = model.is_part && model.hidden_size > 0
                                 ? fmt::format(" of hidden size {}", model.hidden_size)
                                 : "";
    const std::string what =
        model.blocks > 0
            ? fmt::format("the {} blocks{} that config.json announces", model.blocks, size)
            : std::string("decoder blocks numbered from 0");
    faults.add(fmt::format("{} cannot be found among the two-dimensional weights; numbered names: "
                           "{}",
                           what, seen.empty() ? "none" : list_names(seen)),
               catalogue.folder.string(),
               "blocks are recognised by names like model.layers.0.mlp.up_proj.weight; check that "
               "config.json and the weights belong to the same model");
}

void add_ambiguous(const Candidates& candidates, const Catalogue& catalogue,
                   support::FaultList& faults) {
    faults.add(fmt::format("several parts of the model may be its decoder blocks: {}",
                           list_names(texts_of(candidates))),
               catalogue.folder.string(),
               "say which are not with --exclude, as in --exclude '^vision_tower\\.', or name "
               "matrices of those that are with --include");
}

}  // namespace

std::optional<ChosenBlocks> choose_blocks(const Catalogue& catalogue, const MatrixChoice& choice,
                                          support::FaultList& faults) {
    const std::int64_t announced = catalogue.configuration.blocks;
    const Candidates all = find_candidates(catalogue);
    Candidates whole;
    std::ranges::copy_if(all, std::back_inserter(whole), [&](const Candidate& candidate) {
        const auto count = static_cast<std::int64_t>(candidate.numbers.size());
        return has_all_below(candidate.numbers, announced > 0 ? announced : count);
    });
    Candidates outer;
    std::ranges::copy_if(whole, std::back_inserter(outer), [&](const Candidate& candidate) {
        return !is_nested(candidate, whole, announced > 0);
    });
    Selection selection(catalogue, outer);
    require_linear_layers(selection, catalogue, choice);
    prefer_described(selection, catalogue.configuration);
    if (selection.candidates().empty()) {
        add_no_blocks(all, catalogue, faults);
        return std::nullopt;
    }
    prefer_named_for_text(selection);
    if (selection.candidates().size() > 1) {
        add_ambiguous(selection.candidates(), catalogue, faults);
        return std::nullopt;
    }
    const Candidate& chosen = selection.candidates().front();
    ChosenBlocks result;
    result.blocks = {std::string(chosen.prefix),
                     announced > 0 ? announced : static_cast<std::int64_t>(chosen.numbers.size())};
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
