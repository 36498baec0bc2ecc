#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "model/find_matrices.hpp"
#include "support/model_folder.hpp"

namespace alphaprune::test {

// A made-up family: LLaMA's blocks, with queries, keys and values in one tensor, gate and up as two
// "experts" of a tensor of three dimensions, and, if asked for, the last layer stored as inputs ×
// outputs.

/// Positions of the layers in the description of LLaMA's blocks.
enum LlamaLayer : std::size_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

/// Builds the fused description, tensor by tensor, from that of LLaMA.
class BlockFuser {
  public:
    explicit BlockFuser(model::BlockDescription separate)
        : old_(std::exchange(separate.tensors, {})), block_(std::move(separate)) {}

    /// The layer's tensors stay its own.
    void keep(std::size_t layer) {
        take_over(block_.layers[layer].weight);
        take_over(block_.layers[layer].bias);
    }
    void take_over(int& tensor) {
        if (tensor >= 0) {
            tensor = add(old_[static_cast<std::size_t>(tensor)]);
        }
    }
    /// Their rows one after another in one tensor.
    void join(const std::string& name, const std::vector<std::pair<std::size_t, std::string>>& of) {
        std::int64_t rows = 0;
        const bool biased = block_.layers[of.front().first].bias >= 0;
        for (const auto& [index, slice] : of) {
            model::LinearLayer& layer = block_.layers[index];
            layer.slice = slice;
            layer.first_row = layer.first_bias = rows;
            layer.weight = static_cast<int>(block_.tensors.size());
            layer.bias = biased ? layer.weight + 1 : -1;
            rows += layer.rows;
        }
        add({name + ".weight", {rows, block_.layers[of.front().first].cols}});
        if (biased) {
            add({name + ".bias", {rows}});
        }
    }
    /// As join, in three dimensions.
    void stack(const std::string& name,
               const std::vector<std::pair<std::size_t, std::string>>& of) {
        join(name, of);
        const auto count = static_cast<std::int64_t>(of.size());
        for (std::size_t i = 0; i < of.size(); ++i) {
            block_.layers[of[i].first].expert = static_cast<int>(i);
        }
        const model::LinearLayer& layer = block_.layers[of.front().first];
        block_.tensors[static_cast<std::size_t>(layer.weight)].shape = {count, layer.rows,
                                                                        layer.cols};
        if (layer.bias >= 0) {
            block_.tensors[static_cast<std::size_t>(layer.bias)].shape = {count, layer.rows};
        }
    }
    void transpose(std::size_t index) {
        model::LinearLayer& layer = block_.layers[index];
        layer.transposed = true;
        std::ranges::reverse(block_.tensors[static_cast<std::size_t>(layer.weight)].shape);
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
};

template <bool kTransposed>
model::BlockDescription describe_fused_block(const model::ModelConfiguration& model,
                                             std::int64_t block) {
    BlockFuser fuser(model::family_of("llama")->describe_block(model, block));
    fuser.join("self_attn.qkv_proj", {{kQuery, "q"}, {kKey, "k"}, {kValue, "v"}});
    fuser.keep(kOutput);
    fuser.stack("mlp.gate_up_proj", {{kGate, "gate"}, {kUp, "up"}});
    fuser.keep(kDown);
    if (kTransposed) {
        fuser.transpose(kDown);
    }
    return fuser.take();
}

template <bool kTransposed>
model::Family fused_family() {
    model::Family family = *model::family_of("llama");
    family.name = "fused-llama";
    family.describe_block = describe_fused_block<kTransposed>;
    return family;
}

inline StoredTensor& tensor_named(std::vector<StoredTensor>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &StoredTensor::name);
}

/// Puts the bytes of some tensors one after another into one.
inline void join_tensors(std::vector<StoredTensor>& tensors, const std::vector<std::string>& names,
                         StoredTensor joined) {
    for (const std::string& name : names) {
        const auto found = std::ranges::find(tensors, name, &StoredTensor::name);
        if (found != tensors.end()) {
            joined.type = found->type;
            joined.bytes.insert(joined.bytes.end(), found->bytes.begin(), found->bytes.end());
            tensors.erase(found);
        }
    }
    if (!joined.bytes.empty()) {
        tensors.push_back(std::move(joined));
    }
}

/// The tensors of a LLaMA model in float32 as a model of the fused family has them.
inline std::vector<StoredTensor> fused_tensors(std::vector<StoredTensor> tensors,
                                               const model::ModelConfiguration& model,
                                               bool transposed) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t inner = model.intermediate_size;
    const std::int64_t rows = (model.heads + 2 * model.key_value_heads) * model.head_size;
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        const std::string in = "model.layers." + std::to_string(block) + ".";
        const std::string attention = in + "self_attn.";
        const std::string mlp = in + "mlp.";
        for (const std::string kind : {".weight", ".bias"}) {
            const bool bias = kind == ".bias";
            join_tensors(tensors,
                         {attention + "q_proj" + kind, attention + "k_proj" + kind,
                          attention + "v_proj" + kind},
                         {attention + "qkv_proj" + kind,
                          "F32",
                          bias ? std::vector{rows} : std::vector{rows, hidden},
                          {}});
            join_tensors(tensors, {mlp + "gate_proj" + kind, mlp + "up_proj" + kind},
                         {mlp + "gate_up_proj" + kind,
                          "F32",
                          bias ? std::vector{std::int64_t{2}, inner}
                               : std::vector{std::int64_t{2}, inner, hidden},
                          {}});
        }
        if (transposed) {
            StoredTensor& down = tensor_named(tensors, mlp + "down_proj.weight");
            std::vector<std::byte> turned(down.bytes.size());
            for (std::int64_t i = 0; i < hidden * inner; ++i) {
                const std::int64_t to = i % inner * hidden + i / inner;
                std::memcpy(turned.data() + to * 4, down.bytes.data() + i * 4, 4);
            }
            down.bytes = std::move(turned);
            std::ranges::reverse(down.shape);
        }
    }
    return tensors;
}

/// A model folder of the fused family, its matrices found.
inline model::Catalogue fused_catalogue(const std::filesystem::path& folder,
                                        const std::string& llama_config,
                                        const std::vector<StoredTensor>& tensors, bool transposed) {
    const auto model =
        model::read_configuration(formats::Json::parse(llama_config, "config.json"), "config.json");
    std::string config = llama_config;
    config.replace(config.find("\"llama\""), 7, "\"fused-llama\"");
    write_model_folder(folder, config, fused_tensors(tensors, model, transposed));
    model::Catalogue catalogue = model::read_catalogue(folder);
    model::forget_matrices(catalogue);
    support::FaultList faults;
    model::find_family_matrices(transposed ? fused_family<true>() : fused_family<false>(),
                                catalogue, faults);
    faults.throw_if_any();
    catalogue.configuration = model;
    return catalogue;
}

}  // namespace alphaprune::test
