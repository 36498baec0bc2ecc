#include "model_tensors.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "alphaprune/model/family.hpp"

namespace alphaprune::transformer {
namespace {

/// Finds the parts of a model under a prefix.
class PartFinder {
  public:
    PartFinder(TensorFinder& finder, const model::Catalogue& catalogue, const ForwardFamily& family,
               std::string prefix)
        : finder_(finder), catalogue_(catalogue), family_(family), prefix_(std::move(prefix)) {}

    /// Layer norms have biases, RMS norms have none; some models have norms without values.
    Norm norm(std::string_view name) {
        Norm found;
        const TensorFinder::Shape shape{catalogue_.configuration.hidden_size};
        if (catalogue_.configuration.norm_affine) {
            found.weight = finder_.find(full(name, "weight"), shape);
            if (family_.norm == NormKind::layer) {
                found.bias = finder_.find(full(name, "bias"), shape);
            }
        }
        return found;
    }

    Projection projection(std::string_view name, std::int64_t rows, std::int64_t cols) {
        Projection found{weight(name, rows, cols), -1, -1, rows, cols};
        if (model::has_bias(catalogue_.configuration, name)) {
            found.bias = finder_.find(full(name, "bias"), {rows});
        }
        if (found.weight >= 0) {
            found.matrix = catalogue_.tensors[static_cast<std::size_t>(found.weight)].matrix;
        }
        return found;
    }

    bool has(std::string_view name) const { return finder_.has(full(name, "weight")); }
    int weight(std::string_view name, std::int64_t rows, std::int64_t cols) {
        return finder_.find(full(name, "weight"), {rows, cols});
    }

  private:
    std::string full(std::string_view name, std::string_view kind) const {
        return fmt::format("{}{}.{}", prefix_, name, kind);
    }

    TensorFinder& finder_;
    const model::Catalogue& catalogue_;
    const ForwardFamily& family_;
    std::string prefix_;
};

/// Values of an embedded token, and of what the head multiplies: OPT's may be narrower than its
/// blocks.
std::int64_t outer_width(const ForwardFamily& family, const model::ModelConfiguration& model) {
    return family.project_in.empty() ? model.hidden_size : model.embedding_size;
}

void add(std::vector<int>& tensors, int tensor) {
    if (tensor >= 0) {
        tensors.push_back(tensor);
    }
}

}  // namespace

BlockTensors find_block_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                                const ForwardFamily& family, int block) {
    const model::ModelConfiguration& model = catalogue.configuration;
    const auto prefix =
        fmt::format("{}{}.", model::family_of(model.model_type)->block_prefix, block);
    PartFinder parts(finder, catalogue, family, prefix);
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t queries = model.heads * model.head_size;
    const std::int64_t keys = model.key_value_heads * model.head_size;

    BlockTensors found;
    found.attention_norm = parts.norm(family.block.attention_norm);
    found.query = parts.projection(family.block.query, queries, hidden);
    found.key = parts.projection(family.block.key, keys, hidden);
    found.value = parts.projection(family.block.value, keys, hidden);
    found.attention_out = parts.projection(family.block.attention_out, hidden, queries);
    found.mlp_norm = parts.norm(family.block.mlp_norm);
    if (!family.block.gate.empty()) {
        found.gate = parts.projection(family.block.gate, model.intermediate_size, hidden);
    }
    found.up = parts.projection(family.block.up, model.intermediate_size, hidden);
    found.down = parts.projection(family.block.down, hidden, model.intermediate_size);
    return found;
}

InputTensors find_input_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                                const ForwardFamily& family) {
    const model::ModelConfiguration& model = catalogue.configuration;
    PartFinder parts(finder, catalogue, family, "");
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t narrow = outer_width(family, model);

    InputTensors found;
    const bool is_the_head =
        model.tied_embeddings && !parts.has(family.embedding) && parts.has(family.head);
    found.embedding =
        parts.weight(is_the_head ? family.head : family.embedding, model.vocabulary, narrow);
    if (family.positions == Positions::learned) {
        found.position_table = parts.weight(family.position_table,
                                            model.max_positions + family.position_offset, hidden);
    }
    if (narrow != hidden) {
        found.project_in = parts.weight(family.project_in, hidden, narrow);
    }
    return found;
}

HeadTensors find_head_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                              const ForwardFamily& family) {
    const model::ModelConfiguration& model = catalogue.configuration;
    PartFinder parts(finder, catalogue, family, "");
    const std::int64_t hidden = model.hidden_size;

    HeadTensors found;
    found.width = outer_width(family, model);
    if (found.width != hidden) {
        found.project_out = parts.weight(family.project_out, found.width, hidden);
    }
    if (model.norm_before && !model.final_norm_removed) {
        found.final_norm = parts.norm(family.final_norm);
    }
    if (parts.has(family.head)) {
        found.vocabulary = parts.weight(family.head, model.vocabulary, found.width);
    } else if (model.tied_embeddings) {
        found.vocabulary = parts.weight(family.embedding, model.vocabulary, found.width);
    } else {
        found.faults.add(
            fmt::format("the model has no head: {}.weight is missing, and tie_word_embeddings is "
                        "false",
                        family.head),
            catalogue.folder.string(),
            "fetch the model's files again, or set tie_word_embeddings to true in config.json if "
            "the embedding is the head; pruning without perplexities needs none");
    }
    finder.report(found.faults);
    return found;
}

std::vector<Projection> projections_of(const BlockTensors& block) {
    std::vector<Projection> all{block.query, block.key, block.value, block.attention_out};
    if (block.gate) {
        all.push_back(*block.gate);
    }
    all.push_back(block.up);
    all.push_back(block.down);
    return all;
}

std::vector<int> all_of(const BlockTensors& block) {
    std::vector<int> tensors;
    for (const Norm& norm : {block.attention_norm, block.mlp_norm}) {
        add(tensors, norm.weight);
        add(tensors, norm.bias);
    }
    for (const Projection& projection : projections_of(block)) {
        add(tensors, projection.weight);
        add(tensors, projection.bias);
    }
    return tensors;
}

}  // namespace alphaprune::transformer
