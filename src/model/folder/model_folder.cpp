#include "folder_reading.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<> kNoFolder{
    "model.no-folder", "there is no such model folder",
    "the path is mistyped, or its file system is not mounted on the node of rank 0",
    "name an existing folder that holds config.json and the weights"};

const support::BadRequest<> kNotAFolder{"model.not-a-folder", "the model is not a folder",
                                        "the path is that of a file or a device",
                                        "name the folder that holds config.json and the weights"};

const support::BadRequest<> kDanglingLink{
    "model.dangling-link", "this symbolic link of the model points to nothing",
    "the store that the links point to was moved, or the file was not fetched",
    "fetch the file that it points to, or remove the link"};

const support::BadRequest<std::string, std::string> kForeignLink{
    "model.foreign-link",
    "this symbolic link points out of the model folder, to a file that belongs to no model",
    "files of the model are copied into the result, so that a link to any other file is not "
    "followed",
    "put the file itself in its place (cp --remove-destination {0} {1}), or remove the link"};

/// Names of files that only models have: no private file of another kind has such a name.
constexpr std::array<std::string_view, 6> kNamesOfModels{"tokenizer",
                                                         "vocab.",
                                                         "merges.txt",
                                                         "chat_template",
                                                         "special_tokens_map.json",
                                                         "generation_config.json"};

bool lies_in(const fs::path& path, const fs::path& folder) {
    return std::ranges::mismatch(folder, path).in1 == folder.end();
}

/// models--ORG--NAME/blobs/DIGEST
bool is_in_hugging_face_cache(const fs::path& real) {
    const fs::path place = real.parent_path();
    return place.filename() == "blobs" &&
           place.parent_path().filename().string().starts_with("models--");
}

/// As in DVC's cache and in the objects of Git LFS (hexadecimal digits, the first two of an MD5
/// left to the folder), and in git-annex (MD5E-s123--DIGEST.json).
bool is_named_by_digest(const fs::path& real) {
    constexpr std::size_t kFewestDigits = 30;
    const std::string name = real.filename().string();
    const std::size_t key = name.find("--");
    const bool annexed = key != std::string::npos && name.find("-s") < key;
    const std::string digest = annexed ? name.substr(key + 2) : name;
    const std::size_t digits =
        std::min(digest.find_first_not_of("0123456789abcdef"), digest.size());
    return digits >= kFewestDigits &&
           (digits == digest.size() || (annexed && digest[digits] == '.'));
}

/// Whether a folder has more than a config.json, which other programs have, too.
bool is_model_folder(const fs::path& folder) {
    constexpr std::array<std::string_view, 4> kOthers{
        "model.safetensors", "model.safetensors.index.json", "tokenizer_config.json",
        "generation_config.json"};
    const auto has = [&](std::string_view name) {
        std::error_code ignored;
        return fs::is_regular_file(folder / name, ignored);
    };
    return has("config.json") && std::ranges::any_of(kOthers, has);
}

/// A link to a file of the same name, in another model's folder or of a name that only models have.
bool is_shared_by_models(const fs::path& path, const fs::path& real) {
    const std::string name = path.filename().string();
    return real.filename() == name &&
           (is_model_folder(real.parent_path()) ||
            std::ranges::any_of(kNamesOfModels, [&](std::string_view beginning) {
                return name.starts_with(beginning);
            }));
}

std::string text_of(const fs::path& link, const fs::path& target) {
    return link.string() + " -> " + target.string();
}

}  // namespace

void require_model_folder(const fs::path& folder) {
    std::error_code reason;
    const auto status = fs::status(folder, reason);
    if (status.type() == fs::file_type::not_found) {
        throw kNoFolder(folder.string());
    }
    if (!reason && !fs::is_directory(status)) {
        throw kNotAFolder(folder.string());
    }
    if (!reason) {
        // Only opening it shows whether it may be read.
        const fs::directory_iterator first(folder, reason);
    }
    if (reason) {
        throw support::path_error("the model folder cannot be read", folder, reason.value(),
                                  "check the permissions of the folder");
    }
}

std::string folder_name(const fs::path& folder) {
    const auto whole = fs::absolute(folder).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

bool is_inner_name(std::string_view name) {
    return name.find_first_of(std::string_view("\\\0", 2)) == std::string_view::npos &&
           std::ranges::none_of(components_of(name, '/'), [](std::string_view part) {
               return part.empty() || part == "." || part == "..";
           });
}

void require_model_file(const fs::path& folder, std::string_view name) {
    const fs::path path = folder / name;
    std::error_code problem;
    const fs::path home = fs::canonical(folder, problem);
    const fs::path real = fs::canonical(path, problem);
    if (problem) {
        if (fs::is_symlink(fs::symlink_status(path, problem))) {
            throw kDanglingLink(text_of(path, fs::read_symlink(path, problem)));
        }
        return;  // the reason is reported when the file is opened
    }
    if (!lies_in(real, home) && !is_in_hugging_face_cache(real) && !is_named_by_digest(real) &&
        !is_shared_by_models(path, real)) {
        throw kForeignLink(text_of(path, real), real.string(), path.string());
    }
}

}  // namespace alphaprune::model
