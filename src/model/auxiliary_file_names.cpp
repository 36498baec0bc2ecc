#include "auxiliary_file_names.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <system_error>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "model_file.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

/// Where transformers 5 keeps the templates beside the one in chat_template.jinja.
constexpr std::string_view kTemplates = "additional_chat_templates";
constexpr std::size_t kDeepest = 8;

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

/// A file, or what should be one.
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

/// Folders inside the model's in which a configuration says that code is.
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
    } catch (const support::Error&) {  // whoever needs that file says what is wrong with it
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
        } catch (const support::Error&) {  // told where the auxiliary files are read
        }
    }
    return folders;
}

}  // namespace

bool is_auxiliary_file(std::string_view name) {
    // Out of a file that another program made, it may be more than a name.
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

}  // namespace alphaprune::model
