#include "model_tensors.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "alphaprune/model/family.hpp"

namespace alphaprune {
namespace {

/// Finds the parts of a model under a prefix.
class PartFinder {
  public:
    PartFinder(TensorFinder& finder, const Catalogue& catalogue, const ForwardFamily& family,
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
        found.bias = finder_.find_if_present(full(name, "bias"), {rows});
        if (found.weight >= 0) {
            found.matrix = catalogue_.tensors[static_cast<std::size_t>(found.weight)].matrix;
        }
        return found;
    }

    int weight(std::string_view name, std::int64_t rows, std::int64_t cols) {
        return finder_.find(full(name, "weight"), {rows, cols});
    }

  private:
    std::string full(std::string_view name, std::string_view kind) const {
        return fmt::format("{}{}.{}", prefix_, name, kind);
    }

    TensorFinder& finder_;
    const Catalogue& catalogue_;
    const ForwardFamily& family_;
    std::string prefix_;
};

void add(std::vector<int>& tensors, int tensor) {
    if (tensor >= 0) {
        tensors.push_back(tensor);
    }
}

}  // namespace

BlockTensors find_block_tensors(TensorFinder& finder, const Catalogue& catalogue,
                                const ForwardFamily& family, int block) {
    const ModelConfiguration& model = catalogue.configuration;
    const auto prefix = fmt::format("{}{}.", family_of(model.model_type)->block_prefix, block);
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

OuterTensors find_outer_tensors(TensorFinder& finder, const Catalogue& catalogue,
                                const ForwardFamily& family) {
    const ModelConfiguration& model = catalogue.configuration;
    PartFinder parts(finder, catalogue, family, "");
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t narrow = family.project_in.empty() ? hidden : model.embedding_size;

    OuterTensors found;
    found.embedding = parts.weight(family.embedding, model.vocabulary, narrow);
    if (family.positions == Positions::learned) {
        found.position_table = parts.weight(family.position_table,
                                            model.max_positions + family.position_offset, hidden);
    }
    if (narrow != hidden) {
        found.project_in = parts.weight(family.project_in, hidden, narrow);
        found.project_out = parts.weight(family.project_out, narrow, hidden);
    }
    if (model.norm_before && !model.final_norm_removed) {
        found.final_norm = parts.norm(family.final_norm);
    }
    found.vocabulary = model.tied_embeddings ? found.embedding
                                             : parts.weight(family.head, model.vocabulary, narrow);
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

std::vector<int> all_of(const OuterTensors& outer) {
    std::vector<int> tensors;
    const Norm norm = outer.final_norm.value_or(Norm{});
    for (const int tensor : {outer.embedding, outer.position_table, outer.project_in,
                             outer.project_out, norm.weight, norm.bias, outer.vocabulary}) {
        add(tensors, tensor);
    }
    return tensors;
}

}  // namespace alphaprune
