#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/json_text.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string> kQuantized{
    "model.quantized",
    "the weights of the blocks are quantized ({}), and only plain numbers can be pruned; it shows "
    "in {}",
    "the model was saved by GPTQ, AWQ or another method that transformers cannot undo",
    "use the model that was quantized (README.md mostly names it as base_model)"};

const support::BadRequest<std::string, std::string, std::string, std::string_view>
    kQuantizedReversibly{
        "model.quantized-reversibly",
        "the weights of the blocks are quantized ({}), and only plain numbers can be pruned; it "
        "shows in {}",
        "the model was saved in a form of bitsandbytes, compressed-tensors, fp8 or mxfp4 that is "
        "not read",
        "use the model that was quantized (README.md mostly names it as base_model), or dequantize "
        "it, in Python with transformers: model = "
        "AutoModelForCausalLM.from_pretrained(\"{2}\"{3}); "
        "model.save_pretrained(\"NEW_FOLDER\")"};

const support::Warning<std::string> kQuantizedElsewhere{
    "model.quantized-elsewhere",
    "config.json has a quantization_config ({}), but the weights of the blocks are stored as plain "
    "numbers: they are pruned, and config.json is copied unchanged",
    "other parts of the model are quantized, or the weights are whenever the model is loaded",
    "check that the result loads as expected, or remove quantization_config"};

const support::Warning<std::size_t, std::string> kUnpacked{
    "model.unpacked",
    "{} tensors are stored in 8 or 4 bits with scales ({}); they are read as bfloat16, and written "
    "so, without the scales and without quantization_config in config.json",
    "the model was published in float8 or MXFP4; pruned weights need a form that keeps zeros and "
    "any other value",
    "none is needed; quantize the result again where it should be small"};

constexpr std::array<std::string_view, 2> kConfigurations{"quantization_config",
                                                          "compression_config"};

/// How a method of quantization shows in the name of a tensor.
struct Mark {
    std::string_view part;    ///< of a tensor's name; at its end, unless it ends with "_"
    std::string_view method;  ///< as config.json calls it
    bool is_certain = true;   ///< else it tells only beside a quantization_config
};

constexpr std::array<Mark, 21> kMarks{{
    {".qweight", "gptq"},
    {".qzeros", "gptq"},
    {".weight.quant_state.bitsandbytes__", "bitsandbytes"},
    {".weight.absmax", "bitsandbytes"},
    {".weight.SCB", "bitsandbytes"},
    {".SCB", "bitsandbytes"},
    {".weight_packed", "compressed-tensors"},
    {".weight_scale_inv", "fp8"},
    {"_proj_blocks", "mxfp4"},
    {".weight._data", "quanto"},
    {".weight_bitmask", "compressed-tensors", false},
    {".weight.compressed", "compressed-tensors", false},
    {".weight_scale", "fp8", false},
    {".weight_scale_2", "nvfp4", false},
    {".weight_scales", "eetq", false},
    {".weight._qdata", "torchao", false},
    {"._weight_qdata", "torchao", false},
    {".W_q", "hqq", false},
    {".codebooks", "aqlm", false},
    {".dense_weights", "spqr", false},
    {".scales", "another method", false},
}};

/// How transformers dequantizes a method's weights; for all others only the original helps.
struct WayBack {
    std::string_view method;
    std::string_view loading;  ///< continues "from_pretrained(FOLDER"
};
constexpr std::array<WayBack, 4> kWaysBack{{
    {"bitsandbytes", "); model.dequantize("},
    {"fp8", ", quantization_config=FineGrainedFP8Config(dequantize=True)"},
    {"mxfp4", ", quantization_config=Mxfp4Config(dequantize=True)"},
    {"compressed-tensors", ", quantization_config=CompressedTensorsConfig(run_compressed=False)"},
}};

const Mark* mark_of(std::string_view name, bool is_configured) {
    const auto* mark = std::ranges::find_if(kMarks, [&](const Mark& candidate) {
        if (!candidate.is_certain && !is_configured) {
            return false;
        }
        return candidate.part.ends_with('_') ? name.find(candidate.part) != std::string_view::npos
                                             : name.ends_with(candidate.part);
    });
    return mark != kMarks.end() ? mark : nullptr;
}

/// quantization_config, or compression_config as older files have it; null where there is none.
formats::Json quantization_of(const Catalogue& catalogue) {
    const formats::Json config = formats::Json::parse(catalogue.configuration_text, "config.json",
                                                      formats::JsonDialect::python);
    std::vector<const formats::Json*> parts{&config};
    for (const char* inner : {"text_config", "language_config", "llm_config"}) {
        if (const formats::Json* part = config.find(inner)) {
            parts.push_back(part);
        }
    }
    for (const formats::Json* part : parts) {
        for (const std::string_view name : kConfigurations) {
            if (const formats::Json* value = part->find(name);
                value != nullptr && value->is_object()) {
                return *value;
            }
        }
    }
    return {};
}

/// Its method; empty where there is none.
std::string configured_method(const Catalogue& catalogue) {
    const formats::Json quantization = quantization_of(catalogue);
    if (quantization.is_null()) {
        return {};
    }
    const formats::Json* method = quantization.find("quant_method");
    return method != nullptr ? method->as_string().value_or("unnamed") : "unnamed";
}

void add_blocks(const formats::Json& quantization, std::vector<BlockSize>& blocks) {
    for (const auto& [name, value] : quantization.members()) {
        const formats::Json::Array& sizes = value.elements();
        if ((name == "weight_block_size" || name == "block_structure") && sizes.size() == 2) {
            const BlockSize block{sizes[0].as_integer().value_or(0),
                                  sizes[1].as_integer().value_or(0)};
            if (block.rows > 0 && block.cols > 0) {
                blocks.push_back(block);
            }
        }
        add_blocks(value, blocks);
    }
}

void remove_configuration(Catalogue& catalogue, const std::string& method) {
    std::set<std::string> types;
    std::size_t count = 0;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.packed) {
            types.insert(tensor.packed->code == PackedCode::mxfp4         ? "MXFP4"
                         : tensor.packed->code == PackedCode::float8_e4m3 ? "F8_E4M3"
                                                                          : "F8_E5M2");
            ++count;
        }
    }
    const std::vector<std::string> names(types.begin(), types.end());
    catalogue.warnings.push_back(
        kUnpacked(count, list_names(names) + (method.empty() ? "" : ", quant_method " + method)));
    catalogue.configuration_text =
        formats::without_members(catalogue.configuration_text, kConfigurations);
}

/// The names of tensors in blocks that are typical of a method, by method.
std::map<std::string_view, std::vector<std::string>> marked_tensors(const Catalogue& catalogue,
                                                                    bool is_configured,
                                                                    bool anywhere) {
    std::map<std::string_view, std::vector<std::string>> marked;
    const std::string_view prefix = catalogue.decoder.prefix;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const Mark* mark = mark_of(tensor.name, is_configured);
        const bool in_decoder = prefix.empty() ? !numbered_parts(tensor.name).empty()
                                               : after_prefix(tensor.name, prefix).has_value();
        if (mark != nullptr && (in_decoder || anywhere)) {
            marked[mark->method].push_back(tensor.name);
        }
    }
    return marked;
}

}  // namespace

std::vector<BlockSize> configured_blocks(const Catalogue& catalogue) {
    std::vector<BlockSize> blocks;
    add_blocks(quantization_of(catalogue), blocks);
    return blocks;
}

bool is_configured_as_quantized(const Catalogue& catalogue) {
    return !quantization_of(catalogue).is_null();
}

void judge_quantization(Catalogue& catalogue, bool unpacked, support::FaultList& faults) {
    const std::string configured = configured_method(catalogue);
    const auto marked = marked_tensors(catalogue, !configured.empty() || unpacked, unpacked);
    if (marked.empty()) {
        if (unpacked) {
            remove_configuration(catalogue, configured);
        } else if (!configured.empty()) {
            catalogue.warnings.push_back(kQuantizedElsewhere(configured));
        }
        return;
    }
    const auto& [shown, tensors] = *std::ranges::max_element(
        marked, {}, [](const auto& entry) { return entry.second.size(); });
    const std::string method =
        configured.empty() || configured == "unnamed" ? std::string(shown) : configured;
    const std::string folder = catalogue.folder.string();
    const auto* way = std::ranges::find(kWaysBack, method, &WayBack::method);
    faults.add(way == kWaysBack.end() ? kQuantized(folder, method, list_names(tensors))
                                      : kQuantizedReversibly(folder, method, list_names(tensors),
                                                             folder, way->loading));
}

}  // namespace alphaprune::model
