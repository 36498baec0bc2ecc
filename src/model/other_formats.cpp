#include "alphaprune/model/other_formats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "alphaprune/support/file.hpp"
#include "name_list.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

/// One way to keep weights that the program does not read: running pickled code, above all, is not
/// its business.
struct OtherFormat {
    std::string_view beginning;  ///< of the file's name
    std::string_view ending;     ///< of it
    std::string_view what;       ///< continues "the weights are "
    std::string_view remedy;     ///< {0} is the folder, {1} the file in it
};

constexpr std::string_view kConvert =
    "convert them once, in Python: AutoModelForCausalLM.from_pretrained(\"{0}\", "
    "torch_dtype=\"auto\").save_pretrained(\"NEW_FOLDER\", safe_serialization=True), and the same "
    "with AutoTokenizer";
constexpr std::string_view kTensorFlow =
    "convert them once, in Python with transformers 4: AutoModelForCausalLM.from_pretrained("
    "\"{0}\", from_tf=True).save_pretrained(\"NEW_FOLDER\", safe_serialization=True)";
constexpr std::string_view kFlax =
    "convert them once, in Python with transformers 4: AutoModelForCausalLM.from_pretrained("
    "\"{0}\", from_flax=True).save_pretrained(\"NEW_FOLDER\", safe_serialization=True)";
constexpr std::string_view kGguf =
    "take the model that the file was made of, which alone has the weights unchanged; or convert "
    "it, in Python: AutoModelForCausalLM.from_pretrained(\"{0}\", gguf_file=\"{1}\")"
    ".save_pretrained(\"NEW_FOLDER\"), and the same with AutoTokenizer";
constexpr std::string_view kAdapter =
    "merge it with its model once, in Python: peft.AutoPeftModelForCausalLM.from_pretrained("
    "\"{0}\").merge_and_unload().save_pretrained(\"NEW_FOLDER\")";
constexpr std::string_view kMetaLayout =
    "take the same model in the layout of transformers, with config.json and model*.safetensors "
    "(of Llama the repository whose name ends in -hf, or the files beside the folder original)";
constexpr std::string_view kMistralLayout =
    "fetch the files model*.safetensors, model.safetensors.index.json and config.json of the same "
    "model";
constexpr std::string_view kPickledState =
    "save the state as safetensors, in Python: safetensors.torch.save_file(torch.load(\"{0}/{1}\", "
    "map_location=\"cpu\", weights_only=True), \"{0}/model.safetensors\", metadata={{\"format\": "
    "\"pt\"}}), under the names that transformers gives the tensors";
constexpr std::string_view kOriginal =
    "take the model that it was exported from, with config.json and model.safetensors";
constexpr std::string_view kVariant =
    "if it is the whole model, rename it to model.safetensors, or link it under that name";

/// The first that fits names the format; those of more certain names come first.
constexpr std::array<OtherFormat, 19> kFormats{{
    {"pytorch_model", ".bin.index.json", "pickled ({1})", kConvert},
    {"pytorch_model", ".bin", "pickled ({1})", kConvert},
    {"adapter_model", ".safetensors", "those of an adapter alone ({1})", kAdapter},
    {"adapter_model", ".bin", "those of an adapter alone ({1})", kAdapter},
    {"consolidated", ".safetensors", "in Mistral's own layout ({1})", kMistralLayout},
    {"consolidated", ".pth", "pickled, in Meta's own layout ({1})", kMetaLayout},
    {"", ".gguf", "in GGUF, the format of llama.cpp ({1})", kGguf},
    {"ggml", ".bin", "in the old format of llama.cpp ({1})", kOriginal},
    {"tf_model", ".h5", "those of TensorFlow ({1})", kTensorFlow},
    {"flax_model", ".msgpack", "those of Flax ({1})", kFlax},
    {"openvino", ".bin", "those of OpenVINO ({1})", kOriginal},
    {"", ".nemo", "in an archive of NeMo ({1})", kOriginal},
    {"", ".onnx", "those of ONNX ({1})", kOriginal},
    {"", ".tflite", "those of TensorFlow Lite ({1})", kOriginal},
    {"", ".safetensors", "in a file of another name ({1})", kVariant},
    {"", ".pth", "pickled ({1})", kPickledState},
    {"", ".pt", "pickled ({1})", kPickledState},
    {"", ".ckpt", "pickled ({1})", kPickledState},
    {"", ".bin", "pickled ({1})", kPickledState},
}};

/// States of a training that lie beside weights.
constexpr std::array<std::string_view, 4> kNoWeights{"optimizer", "scheduler", "training_args",
                                                     "rng_state"};

bool fits(const OtherFormat& format, std::string_view name) {
    return name.starts_with(format.beginning) && name.ends_with(format.ending) &&
           std::ranges::none_of(kNoWeights,
                                [&](std::string_view other) { return name.starts_with(other); });
}

support::Error error_of(const OtherFormat& format, const fs::path& folder, const std::string& file,
                        const std::string& where) {
    const std::string place = folder.empty() ? "." : folder.string();
    return support::bad_request(fmt::format("the weights are {}; only safetensors are read",
                                            fmt::format(fmt::runtime(format.what), place, file)),
                                where, fmt::format(fmt::runtime(format.remedy), place, file));
}

std::set<std::string> files_in(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
        if (at->is_regular_file(problem)) {
            names.insert(at->path().filename().string());
        }
    }
    return names;
}

/// The format that a file's first bytes show; its name may be any.
const OtherFormat* format_of_contents(const fs::path& file) {
    const auto called = [](std::string_view beginning, std::string_view ending) {
        return std::ranges::find_if(kFormats, [&](const OtherFormat& format) {
            return format.beginning == beginning && format.ending == ending;
        });
    };
    const support::File opened = support::File::open_for_reading(file);
    std::string begin(std::min<std::uint64_t>(opened.size(), 4), '\0');
    opened.read_at(0, std::as_writable_bytes(std::span(begin)));
    return begin == "GGUF"                                          ? called("", ".gguf")
           : begin == "PK\x03\x04" || begin.starts_with("\x80\x02") ? called("", ".pt")
                                                                    : nullptr;
}

}  // namespace

support::Error no_safetensors(const fs::path& folder) {
    const std::set<std::string> files = files_in(folder);
    for (const OtherFormat& format : kFormats) {
        const auto file = std::ranges::find_if(
            files, [&](const std::string& name) { return fits(format, name); });
        if (file != files.end()) {
            return error_of(format, folder, *file, folder.string());
        }
    }
    return support::bad_request(
        "there is neither model.safetensors nor model.safetensors.index.json", folder.string(),
        "name the folder that holds config.json and the weights as safetensors");
}

void refuse_other_format(const fs::path& file) {
    const std::string name = file.filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".json")) {
        throw support::bad_request(
            "this is one file of a model, and the model is the folder around it", file.string(),
            "name the folder that holds config.json and the weights as safetensors");
    }
    const auto* format =
        std::ranges::find_if(kFormats, [&](const OtherFormat& other) { return fits(other, name); });
    const bool is_called_so = format != kFormats.end();
    if (const OtherFormat* found = is_called_so ? format : format_of_contents(file)) {
        throw error_of(*found, file.parent_path(), name, file.string());
    }
}

}  // namespace alphaprune::model
