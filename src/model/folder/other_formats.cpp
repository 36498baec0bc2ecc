#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "alphaprune/model/find_model.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

/// File, folder, and the name of the format where several share an entry.
using OtherFormatMessage = support::BadRequest<std::string, std::string, std::string_view>;

const OtherFormatMessage kPickled{
    "model.pickled", "the weights are pickled ({0}); only safetensors are read",
    "an older model of transformers: unpickling would execute code from the file",
    "convert them once, in Python: AutoModelForCausalLM.from_pretrained(\"{1}\", "
    "torch_dtype=\"auto\").save_pretrained(\"NEW_FOLDER\", safe_serialization=True), and the "
    "same with AutoTokenizer"};

const OtherFormatMessage kPickledState{
    "model.pickled-state", "the weights are pickled ({0}); only safetensors are read",
    "the state of a PyTorch module: unpickling would execute code from the file",
    "save the state as safetensors, in Python: safetensors.torch.save_file(torch.load(\"{1}/{0}\", "
    "map_location=\"cpu\", weights_only=True), \"{1}/model.safetensors\", metadata={{\"format\": "
    "\"pt\"}}), under the names that transformers gives the tensors"};

const OtherFormatMessage kAdapter{
    "model.adapter", "the weights are those of an adapter alone ({0}), not of a model",
    "the folder holds the result of a fine-tuning with PEFT",
    "merge it with its model once, in Python: peft.AutoPeftModelForCausalLM.from_pretrained("
    "\"{1}\").merge_and_unload().save_pretrained(\"NEW_FOLDER\")"};

const OtherFormatMessage kMistralLayout{
    "model.mistral-layout",
    "the weights are in Mistral's own layout ({0}); only that of transformers is read",
    "only some files of the repository were fetched",
    "fetch the files model*.safetensors, model.safetensors.index.json and config.json of the same "
    "model"};

const OtherFormatMessage kMetaLayout{
    "model.meta-layout",
    "the weights are pickled, in Meta's own layout ({0}); only safetensors are read",
    "the folder original of a repository was fetched, or Meta's own release",
    "use the same model in the layout of transformers, with config.json and model*.safetensors (of "
    "Llama the repository whose name ends in -hf, or the files beside the folder original)"};

const OtherFormatMessage kGguf{
    "model.gguf",
    "the weights are in GGUF, the format of llama.cpp ({0}); only safetensors are read",
    "the model was converted for llama.cpp, mostly with a loss of precision",
    "use the model that the file was made from, which alone has the weights unchanged; or convert "
    "it, in Python: AutoModelForCausalLM.from_pretrained(\"{1}\", gguf_file=\"{0}\")"
    ".save_pretrained(\"NEW_FOLDER\"), and the same with AutoTokenizer"};

const OtherFormatMessage kTensorFlow{
    "model.tensorflow", "the weights are those of TensorFlow ({0}); only safetensors are read",
    "an older model of transformers, saved by its TensorFlow version",
    "convert them once, in Python with transformers 4: AutoModelForCausalLM.from_pretrained("
    "\"{1}\", from_tf=True).save_pretrained(\"NEW_FOLDER\", safe_serialization=True)"};

const OtherFormatMessage kFlax{
    "model.flax", "the weights are those of Flax ({0}); only safetensors are read",
    "an older model of transformers, saved by its Flax version",
    "convert them once, in Python with transformers 4: AutoModelForCausalLM.from_pretrained("
    "\"{1}\", from_flax=True).save_pretrained(\"NEW_FOLDER\", safe_serialization=True)"};

const OtherFormatMessage kExported{
    "model.exported", "the weights are in the format of {2} ({0}); only safetensors are read",
    "the model was exported for another program",
    "use the model that it was exported from, with config.json and model.safetensors"};

const OtherFormatMessage kOtherName{
    "model.other-name",
    "the weights are in a file of another name ({0}); only model.safetensors, or the shards of its "
    "index, are read",
    "the file was renamed, or is one variant of several",
    "if it is the whole model, rename it to model.safetensors, or link it under that name"};

const support::BadRequest<> kNoSafetensors{
    "model.no-safetensors", "there is neither model.safetensors nor model.safetensors.index.json",
    "the folder is empty, is the parent of the right one, or its weights have other names",
    "name the folder that holds config.json and the weights as safetensors"};

const support::BadRequest<> kFileOfAModel{
    "model.file-of-a-model",
    "this is one file of a model, and the model is the folder that contains it",
    "the path of a file was given in place of that of its folder",
    "name the folder that holds config.json and the weights as safetensors"};

/// A way to store weights that the program does not read.
struct OtherFormat {
    std::string_view beginning;  ///< of the file's name
    std::string_view ending;     ///< of the same
    const OtherFormatMessage* message;
    std::string_view name = {};  ///< for messages that several formats share
};

/// The first match names the format; more specific names come first.
constexpr std::array<OtherFormat, 19> kFormats{{
    {"pytorch_model", ".bin.index.json", &kPickled},
    {"pytorch_model", ".bin", &kPickled},
    {"adapter_model", ".safetensors", &kAdapter},
    {"adapter_model", ".bin", &kAdapter},
    {"consolidated", ".safetensors", &kMistralLayout},
    {"consolidated", ".pth", &kMetaLayout},
    {"", ".gguf", &kGguf},
    {"ggml", ".bin", &kExported, "old versions of llama.cpp"},
    {"tf_model", ".h5", &kTensorFlow},
    {"flax_model", ".msgpack", &kFlax},
    {"openvino", ".bin", &kExported, "OpenVINO"},
    {"", ".nemo", &kExported, "NeMo"},
    {"", ".onnx", &kExported, "ONNX"},
    {"", ".tflite", &kExported, "TensorFlow Lite"},
    {"", ".safetensors", &kOtherName},
    {"", ".pth", &kPickledState},
    {"", ".pt", &kPickledState},
    {"", ".ckpt", &kPickledState},
    {"", ".bin", &kPickledState},
}};

/// Training states that lie beside weights.
constexpr std::array<std::string_view, 4> kNoWeights{"optimizer", "scheduler", "training_args",
                                                     "rng_state"};

bool fits(const OtherFormat& format, std::string_view name) {
    return name.starts_with(format.beginning) && name.ends_with(format.ending) &&
           std::ranges::none_of(kNoWeights,
                                [&](std::string_view other) { return name.starts_with(other); });
}

support::Error error_of(const OtherFormat& format, const fs::path& folder, const std::string& file,
                        const std::string& where) {
    return (*format.message)(where, file, folder.empty() ? "." : folder.string(), format.name);
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

/// The format by a file's first bytes, whatever its name.
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
    return kNoSafetensors(folder.string());
}

void refuse_other_format(const fs::path& file) {
    const std::string name = file.filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".json")) {
        throw kFileOfAModel(file.string());
    }
    const auto* format =
        std::ranges::find_if(kFormats, [&](const OtherFormat& other) { return fits(other, name); });
    const bool is_called_so = format != kFormats.end();
    if (const OtherFormat* found = is_called_so ? format : format_of_contents(file)) {
        throw error_of(*found, file.parent_path(), name, file.string());
    }
}

}  // namespace alphaprune::model
