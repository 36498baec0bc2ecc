#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "model/find_matrices.hpp"
#include "support/model_folder.hpp"

namespace alphaprune::test {

// A made-up family: LLaMA's blocks, with several linear layers in a tensor.

/// How these are stored.
enum class FusedKind {
    /// Queries, keys and values one after another; gate and up as two "experts" of a tensor of
    /// three dimensions.
    rows,
    /// Queries, keys and values interleaved by key/value heads; gate and up one after another in a
    /// tensor of one "expert", down in another.
    heads,
    /// All as inputs × outputs: columns of queries, keys and values one after another; gate and up
    /// take turns in a tensor of one "expert".
    columns,
};
inline constexpr FusedKind kFusedKinds[] = {FusedKind::rows, FusedKind::heads, FusedKind::columns};

/// Positions of the layers in the description of LLaMA's blocks.
enum LlamaLayer : std::size_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

/// Builds the fused description, tensor by tensor, from that of LLaMA.
class BlockFuser {
  public:
    BlockFuser(model::BlockDescription separate, bool transposed)
        : old_(std::exchange(separate.tensors, {})),
          block_(std::move(separate)),
          transposed_(transposed) {}

    void take_over(int& tensor) {
        if (tensor >= 0) {
            tensor = add(old_[static_cast<std::size_t>(tensor)]);
        }
    }
    /// The layer's tensors stay its own.
    void keep(std::size_t index) {
        model::LinearLayer& layer = block_.layers[index];
        take_over(layer.weight);
        take_over(layer.bias);
        layer.transposed = transposed_;
        if (transposed_) {
            std::ranges::reverse(block_.tensors[static_cast<std::size_t>(layer.weight)].shape);
        }
    }

    struct Part {
        std::size_t layer;
        std::string slice;
        model::OutputPattern pattern;
        int expert = -1;
    };
    /// One tensor for all of them. @param experts  0: it has two dimensions
    void fuse(const std::string& name, const std::vector<Part>& parts, std::int64_t experts = 0) {
        const bool biased = block_.layers[parts.front().layer].bias >= 0;
        std::int64_t outputs = 0;
        for (const Part& part : parts) {
            model::LinearLayer& layer = block_.layers[part.layer];
            layer.slice = part.slice;
            layer.pattern = part.pattern;
            layer.expert = part.expert;
            layer.transposed = transposed_;
            layer.weight = static_cast<int>(block_.tensors.size());
            layer.bias = biased ? layer.weight + 1 : -1;
            outputs += part.expert <= 0 ? layer.rows : 0;
        }
        std::vector<std::int64_t> shape{outputs, block_.layers[parts.front().layer].cols};
        if (transposed_) {
            std::ranges::reverse(shape);
        }
        std::vector<std::int64_t> bias{outputs};
        if (experts > 0) {
            shape.insert(shape.begin(), experts);
            bias.insert(bias.begin(), experts);
        }
        add({name + (experts > 0 ? "" : ".weight"), shape});
        if (biased) {
            add({name + (experts > 0 ? "_bias" : ".bias"), bias});
        }
    }
    model::BlockDescription take() {
        for (model::Sublayer& sublayer : block_.sublayers) {
            take_over(sublayer.norm_before->weight);
        }
        return std::move(block_);
    }

  private:
    int add(model::TensorSpec spec) {
        block_.tensors.push_back(std::move(spec));
        return static_cast<int>(block_.tensors.size()) - 1;
    }

    std::vector<model::TensorSpec> old_;
    model::BlockDescription block_;
    bool transposed_;
};

template <FusedKind kKind>
model::BlockDescription describe_fused_block(const model::ModelConfiguration& model,
                                             std::int64_t block) {
    const std::int64_t d = model.head_size;
    const std::int64_t queries = model.heads * d;
    const std::int64_t keys = model.key_value_heads * d;
    const std::int64_t group = queries / model.key_value_heads;
    BlockFuser fuser(model::family_of("llama")->describe_block(model, block),
                     kKind == FusedKind::columns);
    if (kKind == FusedKind::heads) {
        const std::int64_t stride = group + 2 * d;
        fuser.fuse("self_attn.qkv_proj", {{kQuery, "q", {0, group, stride}},
                                          {kKey, "k", {group, d, stride}},
                                          {kValue, "v", {group + d, d, stride}}});
    } else {
        fuser.fuse("self_attn.qkv_proj",
                   {{kQuery, "q", {}}, {kKey, "k", {queries}}, {kValue, "v", {queries + keys}}});
    }
    fuser.keep(kOutput);
    const std::string up = "mlp.gate_up_proj";
    const std::int64_t inner = model.intermediate_size;
    switch (kKind) {
        case FusedKind::rows:
            fuser.fuse(up, {{kGate, "gate", {}, 0}, {kUp, "up", {}, 1}}, 2);
            fuser.keep(kDown);
            break;
        case FusedKind::heads:
            fuser.fuse(up, {{kGate, "0.gate", {}, 0}, {kUp, "0.up", {inner}, 0}}, 1);
            fuser.fuse("mlp.down_proj", {{kDown, "0", {}, 0}}, 1);
            break;
        case FusedKind::columns:
            fuser.fuse(up, {{kGate, "0.gate", {0, 1, 2}, 0}, {kUp, "0.up", {1, 1, 2}, 0}}, 1);
            fuser.keep(kDown);
            break;
    }
    return fuser.take();
}

inline const model::Family& fused_family(FusedKind kind) {
    const auto make = [](auto describe) {
        model::Family family = *model::family_of("llama");
        family.name = "fused-llama";
        family.describe_block = describe;
        return family;
    };
    static const model::Family rows = make(describe_fused_block<FusedKind::rows>);
    static const model::Family heads = make(describe_fused_block<FusedKind::heads>);
    static const model::Family columns = make(describe_fused_block<FusedKind::columns>);
    return kind == FusedKind::rows ? rows : kind == FusedKind::heads ? heads : columns;
}

inline StoredTensor& tensor_named(std::vector<StoredTensor>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &StoredTensor::name);
}

inline std::int64_t values_in(const std::vector<std::int64_t>& shape) {
    std::int64_t values = 1;
    for (const std::int64_t extent : shape) {
        values *= extent;
    }
    return values;
}

/// The tensors of a LLaMA model as a model of the fused family has them, value by value.
inline std::vector<StoredTensor> fused_tensors(std::vector<StoredTensor> tensors,
                                               const model::ModelConfiguration& model,
                                               FusedKind kind) {
    const auto take = [&](const std::string& name) {
        const auto found = std::ranges::find(tensors, name, &StoredTensor::name);
        StoredTensor taken = std::move(*found);
        tensors.erase(found);
        return taken;
    };
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        const std::string in = "model.layers." + std::to_string(block) + ".";
        const auto separate = model::family_of("llama")->describe_block(model, block);
        const auto fused = fused_family(kind).describe_block(model, block);
        std::vector<StoredTensor> made(fused.tensors.size());
        // Output r and input c of a layer, from one tensor to the other.
        const auto move = [&](int from, int to, const model::LinearLayer& layer, bool is_bias) {
            if (from < 0) {
                return;
            }
            const auto old = take(in + separate.tensors[static_cast<std::size_t>(from)].name);
            const model::TensorSpec& spec = fused.tensors[static_cast<std::size_t>(to)];
            StoredTensor& tensor = made[static_cast<std::size_t>(to)];
            const std::size_t size =
                old.bytes.size() / static_cast<std::size_t>(values_in(old.shape));
            tensor.name = in + spec.name;
            tensor.type = old.type;
            tensor.shape = spec.shape;
            tensor.bytes.resize(static_cast<std::size_t>(values_in(spec.shape)) * size);
            const std::int64_t inputs = is_bias ? 1 : layer.cols;
            const std::int64_t outputs =
                *(spec.shape.end() - (is_bias || layer.transposed ? 1 : 2));
            for (std::int64_t r = 0; r < layer.rows; ++r) {
                const std::int64_t at = layer.pattern.stored(r);
                for (std::int64_t c = 0; c < inputs; ++c) {
                    const std::int64_t place =
                        std::max(layer.expert, 0) * outputs * inputs +
                        (layer.transposed ? c * outputs + at : at * inputs + c);
                    std::memcpy(tensor.bytes.data() + static_cast<std::size_t>(place) * size,
                                old.bytes.data() + static_cast<std::size_t>(r * inputs + c) * size,
                                size);
                }
            }
        };
        for (std::size_t i = 0; i < fused.layers.size(); ++i) {
            move(separate.layers[i].weight, fused.layers[i].weight, fused.layers[i], false);
            move(separate.layers[i].bias, fused.layers[i].bias, fused.layers[i], true);
        }
        for (StoredTensor& tensor : made) {
            if (!tensor.name.empty()) {
                tensors.push_back(std::move(tensor));
            }
        }
    }
    return tensors;
}

/// Writes a model folder of the fused family.
inline void write_fused_folder(const std::filesystem::path& folder, const std::string& llama_config,
                               const std::vector<StoredTensor>& tensors, FusedKind kind) {
    const auto model =
        model::read_configuration(formats::Json::parse(llama_config, "config.json"), "config.json");
    std::string config = llama_config;
    config.replace(config.find("\"llama\""), 7, "\"fused-llama\"");
    write_model_folder(folder, config, fused_tensors(tensors, model, kind));
}

/// The catalogue of such a folder, its matrices found.
inline model::Catalogue read_fused_catalogue(const std::filesystem::path& folder,
                                             const std::string& llama_config, FusedKind kind,
                                             model::Fused fused = model::Fused::split) {
    model::Catalogue catalogue = model::read_catalogue(folder);
    catalogue.configuration =
        model::read_configuration(formats::Json::parse(llama_config, "config.json"), "config.json");
    model::forget_matrices(catalogue);
    support::FaultList faults;
    model::find_family_matrices(fused_family(kind), catalogue, faults, fused);
    faults.throw_if_any();
    return catalogue;
}

inline model::Catalogue fused_catalogue(const std::filesystem::path& folder,
                                        const std::string& llama_config,
                                        const std::vector<StoredTensor>& tensors, FusedKind kind,
                                        model::Fused fused = model::Fused::split) {
    write_fused_folder(folder, llama_config, tensors, kind);
    return read_fused_catalogue(folder, llama_config, kind, fused);
}

}  // namespace alphaprune::test
