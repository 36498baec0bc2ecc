#include "alphaprune/model/auxiliary_files.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>
#include <utility>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

const support::Warning<std::string> kTooLarge{
    "model.auxiliary-files-too-large",
    "files of the model are left out, being too large to be copied with the weights: {}",
    "tokenizers and code have some 30 MB at most; larger files are mostly weights in another form",
    "copy them by hand if the result needs them"};

const support::Warning<> kAdapterLeftOut{
    "model.adapter-left-out",
    "the model folder has an adapter (adapter_config.json), which is left out: the model is pruned "
    "and written without it",
    "a fine-tuning with PEFT was saved beside the model",
    "merge the adapter into the model first, if it is meant to be part of it"};

/// Where transformers 5 keeps the templates beside the one in chat_template.jinja.
constexpr std::string_view kTemplates = "additional_chat_templates";
constexpr std::size_t kDeepest = 8;

/// ModelOpt's quantization_config: wrong of weights that have been unpacked.
constexpr std::string_view kQuantization = "hf_quant_config.json";

/// Weights, in the formats of all frameworks, and what trainers write.
constexpr std::array<std::string_view, 20> kEndingsLeftOut{
    ".safetensors", ".bin",  ".pt",   ".pth",     ".ckpt",   ".h5",        ".hdf5",
    ".keras",       ".gguf", ".ggml", ".msgpack", ".onnx",   ".onnx_data", ".onnx.data",
    ".tflite",      ".ot",   ".pkl",  ".pickle",  ".distcp", ".partial"};
constexpr std::array<std::string_view, 6> kBeginningsLeftOut{
    "consolidated.",      "weights.npz",         "rng_state",
    "trainer_state.json", "events.out.tfevents", "adapter_config.json"};

/// model.safetensors.index.fp16.json is the index of a variant.
bool is_index(std::string_view name) {
    return name.ends_with(".json") && name.find(".index.") != std::string_view::npos;
}

bool is_left_out(std::string_view name) {
    return name == "config.json" || is_index(name) ||
           std::ranges::any_of(kEndingsLeftOut,
                               [&](auto ending) { return name.ends_with(ending); }) ||
           std::ranges::any_of(kBeginningsLeftOut,
                               [&](auto beginning) { return name.starts_with(beginning); });
}

/// What is inside a folder; nothing when there is none. @throws Error where the system fails
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
    std::vector<fs::directory_entry> entries;
    std::error_code gone;
    for (fs::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
        entries.push_back(*at);
    }
    if (gone && !support::is_about_the_path(gone.value())) {
        throw support::path_error("cannot list the folder", folder, gone.value());
    }
    return entries;
}

/// A file, or a dangling link.
bool is_file_or_dangling(const fs::directory_entry& entry) {
    std::error_code ignored;
    return entry.is_regular_file(ignored) ||
           (entry.is_symlink(ignored) && !fs::exists(entry.status(ignored)));
}

/// The auxiliary files in one folder of the model, "" for itself.
void add_names_in(const fs::path& root, const std::string& inner, std::set<std::string>& names) {
    for (const fs::directory_entry& entry : entries_of(root / inner)) {
        std::string name = (fs::path(inner) / entry.path().filename()).string();
        if (is_auxiliary_file(name) && is_file_or_dangling(entry)) {
            names.insert(std::move(name));
        }
    }
}

/// "folder/module.Class" is a class in the model's own code; "repository--module.Class" is not.
void add_folder_of(const std::string& reference, std::set<std::string>& folders) {
    const std::size_t slash = reference.rfind('/');
    if (slash != std::string::npos && reference.find("--") == std::string::npos &&
        is_inner_name(reference)) {
        folders.insert(reference.substr(0, slash));
    }
}

/// Subfolders of the model that contain code according to a configuration.
void add_code_folders(const std::string& configuration, std::set<std::string>& folders) {
    try {
        const formats::Json json =
            formats::Json::parse(configuration, "auto_map", formats::JsonDialect::python);
        const formats::Json* map = json.find("auto_map");
        for (const auto& [kind, value] :
             map != nullptr ? map->members() : formats::Json::Object()) {
            add_folder_of(value.as_string().value_or(""), folders);
            for (const formats::Json& element : value.elements()) {
                add_folder_of(element.as_string().value_or(""), folders);
            }
        }
    } catch (const support::Error&) {  // reported where that file is needed
    }
}

std::set<std::string> code_folders(const fs::path& folder, const std::string& configuration,
                                   const std::set<std::string>& names) {
    std::set<std::string> folders;
    add_code_folders(configuration, folders);
    for (const std::string& name : names) {
        if (!name.ends_with("config.json")) {
            continue;
        }
        try {
            require_model_file(folder, name);
            add_code_folders(support::read_text(folder / name), folders);
        } catch (const support::Error&) {  // reported where the auxiliary files are read
        }
    }
    return folders;
}

/// The auxiliary files in a model's folder, by name, including dangling links. Of its subfolders:
/// the chat templates, and code where a configuration names it.
/// @param configuration  the text of config.json
std::vector<std::string> auxiliary_file_names(const fs::path& folder,
                                              const std::string& configuration) {
    std::set<std::string> names;
    add_names_in(folder, "", names);
    for (const std::string& inner : code_folders(folder, configuration, names)) {
        add_names_in(folder, inner, names);
    }
    add_names_in(folder, std::string(kTemplates), names);
    return {names.begin(), names.end()};
}

/// Tokenizers of large vocabularies have some 30 MB.
constexpr std::uint64_t kLargestAuxiliaryFile = std::uint64_t{128} << 20;
constexpr std::uint64_t kAllAuxiliaryFiles = std::uint64_t{512} << 20;

/// By name.
struct SelectedNames {
    std::vector<std::string> carried;
    std::vector<std::string> too_large;
};

/// The smallest first, up to the limit of all together.
SelectedNames select_auxiliary_files(const Catalogue& catalogue) {
    std::vector<std::pair<std::uint64_t, std::string>> files;
    const bool unpacked = std::ranges::any_of(
        catalogue.tensors, [](const TensorInfo& tensor) { return tensor.packed.has_value(); });
    for (std::string& name : auxiliary_file_names(catalogue.folder, catalogue.configuration_text)) {
        if (unpacked && name == kQuantization) {
            continue;
        }
        std::error_code dangling;
        const std::uintmax_t size = fs::file_size(catalogue.folder / name, dangling);
        files.emplace_back(dangling ? 0 : size, std::move(name));
    }
    std::ranges::sort(files);
    SelectedNames selection;
    std::uint64_t total = 0;
    for (auto& [size, name] : files) {
        const bool fits = size <= kLargestAuxiliaryFile && size <= kAllAuxiliaryFiles - total;
        total += fits ? size : 0;
        (fits ? selection.carried : selection.too_large).push_back(std::move(name));
    }
    std::ranges::sort(selection.carried);
    std::ranges::sort(selection.too_large);
    return selection;
}

std::string read_from_folder(const fs::path& folder, std::string_view name) {
    require_model_file(folder, name);
    return support::read_text(folder / name, kLargestAuxiliaryFile);
}

}  // namespace

bool is_auxiliary_file(std::string_view name) {
    // A name out of a file that another program made may be a path.
    if (!is_inner_name(name) || name.starts_with('.') ||
        name.find("/.") != std::string_view::npos ||
        static_cast<std::size_t>(std::ranges::count(name, '/')) >= kDeepest) {
        return false;
    }
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos) {
        return !is_left_out(name);
    }
    const bool is_template =
        name.substr(0, slash) == kTemplates && name.ends_with(".jinja") && name.rfind('/') == slash;
    return is_template || name.ends_with(".py");
}

bool is_folder_of_auxiliary_files(const fs::path& root, const std::string& name) {
    std::error_code problem;
    if (!fs::is_directory(fs::symlink_status(root / name, problem)) ||
        static_cast<std::size_t>(std::ranges::count(name, '/')) >= kDeepest) {
        return false;
    }
    return std::ranges::all_of(entries_of(root / name), [&](const fs::directory_entry& entry) {
        const std::string inner = name + "/" + entry.path().filename().string();
        return fs::is_regular_file(entry.symlink_status(problem))
                   ? is_auxiliary_file(inner)
                   : is_folder_of_auxiliary_files(root, inner);
    });
}

std::vector<AuxiliaryFile> read_auxiliary_files(const Catalogue& catalogue) {
    if (catalogue.auxiliary_files) {
        return *catalogue.auxiliary_files;
    }
    std::vector<AuxiliaryFile> auxiliary_files;
    for (std::string& name : select_auxiliary_files(catalogue).carried) {
        std::string contents = read_from_folder(catalogue.folder, name);
        auxiliary_files.push_back({std::move(name), std::move(contents)});
    }
    return auxiliary_files;
}

std::vector<std::string> names_of_auxiliary_files(const Catalogue& catalogue) {
    if (!catalogue.auxiliary_files) {
        return select_auxiliary_files(catalogue).carried;
    }
    std::vector<std::string> names;
    for (const AuxiliaryFile& auxiliary_file : *catalogue.auxiliary_files) {
        names.push_back(auxiliary_file.name);
    }
    return names;
}

std::vector<std::string> check_auxiliary_files(const Catalogue& catalogue) {
    if (catalogue.auxiliary_files) {
        return {};
    }
    support::FaultList faults;
    const SelectedNames selection = select_auxiliary_files(catalogue);
    for (const std::string& name : selection.carried) {
        try {
            read_from_folder(catalogue.folder, name);
        } catch (const support::Error& error) {
            faults.add(error);
        }
    }
    faults.throw_if_any();
    std::vector<std::string> warnings;
    if (!selection.too_large.empty()) {
        warnings.push_back(kTooLarge(list_names(selection.too_large)));
    }
    std::error_code ignored;
    if (fs::exists(catalogue.folder / "adapter_config.json", ignored)) {
        warnings.push_back(kAdapterLeftOut());
    }
    return warnings;
}

std::optional<std::string> read_auxiliary_file(const Catalogue& catalogue, std::string_view name) {
    if (!catalogue.auxiliary_files) {
        return fs::is_regular_file(support::status_of(catalogue.folder / name))
                   ? std::optional(read_from_folder(catalogue.folder, name))
                   : std::nullopt;
    }
    for (const AuxiliaryFile& auxiliary_file : *catalogue.auxiliary_files) {
        if (auxiliary_file.name == name) {
            return auxiliary_file.contents;
        }
    }
    return std::nullopt;
}

}  // namespace alphaprune::model
