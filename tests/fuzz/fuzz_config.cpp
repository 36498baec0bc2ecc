#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "model/find_matrices.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

/// A block of each known way to name its weights, and what stands around it.
std::vector<model::TensorInfo> some_tensors() {
    std::vector<model::TensorInfo> tensors;
    const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
        tensors.push_back(
            {std::move(name), support::ScalarType::bfloat16, std::move(shape), 0, 0, -1});
    };
    add("model.embed_tokens.weight", {8, 4});
    for (const char* block : {"model.layers.0.", "layers.1.", "model.decoder.layers.0.", "h.0."}) {
        for (const char* matrix : {"q_proj", "k_proj", "v_proj", "o_proj", "out_proj"}) {
            add(std::string(block) + "self_attn." + matrix + ".weight", {4, 4});
        }
        for (const char* matrix : {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "fc1", "fc2"}) {
            add(std::string(block) + matrix + ".weight", {4, 4});
        }
        add(std::string(block) + "input_layernorm.weight", {4});
    }
    return tensors;
}

std::string shard_with(const std::string& tensor) {
    const std::string header =
        "{\"" + tensor + "\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}";
    std::string file(1, static_cast<char>(header.size()));
    return file + std::string(7, '\0') + header + std::string(4, '\0');
}

/// The promises of a catalogue, looked at anew.
void check(model::Catalogue catalogue) {
    model::choose_matrices(catalogue, {});
    const auto count = static_cast<int>(catalogue.tensors.size());
    int block = 0;
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        const model::MatrixInfo& matrix = catalogue.matrices[m];
        fuzz::require(matrix.tensor >= 0 && matrix.tensor < count && matrix.block >= block);
        block = matrix.block;
        const model::TensorInfo& tensor = catalogue.tensor_of(matrix);
        fuzz::require(tensor.matrix == static_cast<int>(m));
        fuzz::require(tensor.shape == std::vector{matrix.rows, matrix.cols} && matrix.size() > 0);
    }
    const auto prunable = std::ranges::count_if(
        catalogue.tensors, [](const model::TensorInfo& tensor) { return tensor.matrix >= 0; });
    fuzz::require(prunable > 0 && prunable == std::ssize(catalogue.matrices));
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        fuzz::require(static_cast<std::size_t>(tensor.shard) < catalogue.shards.size());
    }
    const std::string text = model::serialize(catalogue);
    fuzz::require(model::serialize(model::deserialize_catalogue(text)) == text);
}

/// What a stand-in of that configuration would be made of.
void list_all_tensors(std::string_view text) {
    const formats::Json config = formats::Json::parse(text, "config", formats::JsonDialect::python);
    const model::ModelConfiguration model = model::read_configuration(config, "config");
    for (const std::int64_t block : {std::int64_t{0}, model.blocks}) {
        const auto window = model.window_of(block);
        fuzz::require(!window || *window > 0);
    }
    constexpr std::int64_t kBlocks = 40;  // more would only cost time
    if (model.blocks > kBlocks) {
        return;
    }
    support::FaultList faults;
    for (const model::TensorInfo& tensor : model::list_tensors(model, config, "config", faults)) {
        unsigned __int128 bytes = support::size_of(tensor.scalar_type());
        for (const std::int64_t dimension : tensor.shape) {
            fuzz::require(dimension > 0);
            bytes *= static_cast<std::uint64_t>(dimension);
        }
        fuzz::require(bytes == tensor.bytes());
    }
}

}  // namespace

/// config.json, a line of dashes, the index of two shards that are there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    static const std::vector<model::TensorInfo> tensors = some_tensors();
    static const bool shards_are_there = [] {
        scratch.write("a.safetensors", shard_with("h.0.a.weight"));
        scratch.write("b.safetensors", shard_with("h.1.a.weight"));
        return true;
    }();
    fuzz::require(shards_are_there);

    std::string_view rest = fuzz::as_text(data, size);
    const std::string_view config = fuzz::take_part(rest);
    fuzz::is_accepted([&] { list_all_tensors(config); });
    fuzz::is_accepted(
        [&] { check(model::make_catalogue("/m.h5", "m", std::string(config), tensors)); });
    if (!rest.empty()) {
        scratch.write("config.json", config);
        scratch.write("model.safetensors.index.json", rest);
        fuzz::is_accepted([&] { check(model::read_catalogue(scratch.folder())); });
    }
    return 0;
}
