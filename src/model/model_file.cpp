#include "model_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "alphaprune/support/error.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

/// Files that only models have: no other secret is called so.
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

/// A folder that only models look like: other programs have a config.json, too.
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

/// Of the same name in a model's folder, or of a name that only models' files have.
bool is_the_same_of_a_model(const fs::path& path, const fs::path& real) {
    const std::string name = path.filename().string();
    return real.filename() == name &&
           (is_model_folder(real.parent_path()) ||
            std::ranges::any_of(kNamesOfModels, [&](std::string_view beginning) {
                return name.starts_with(beginning);
            }));
}

}  // namespace

bool is_inner_name(std::string_view name) {
    if (name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos) {
        return false;
    }
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        const std::string_view part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

void require_model_file(const fs::path& folder, std::string_view name) {
    const fs::path path = folder / name;
    std::error_code problem;
    const fs::path home = fs::canonical(folder, problem);
    const fs::path real = fs::canonical(path, problem);
    if (problem) {
        if (fs::is_symlink(fs::symlink_status(path, problem))) {
            throw support::bad_request(
                "this link of the model leads nowhere",
                fmt::format("{} -> {}", path.string(), fs::read_symlink(path, problem).string()),
                "fetch the file that it leads to, or remove the link");
        }
        return;  // opening it tells why
    }
    if (!lies_in(real, home) && !is_in_hugging_face_cache(real) && !is_named_by_digest(real) &&
        !is_the_same_of_a_model(path, real)) {
        throw support::bad_request(
            "this link leads out of the model folder, to a file that is none of a model",
            fmt::format("{} -> {}", path.string(), real.string()),
            fmt::format("put the file itself in its place (cp --remove-destination {} {}), or "
                        "remove the link",
                        real.string(), path.string()));
    }
}

}  // namespace alphaprune::model
