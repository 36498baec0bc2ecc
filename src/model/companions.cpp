#include "alphaprune/model/companions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune {
namespace {

constexpr std::array<std::string_view, 4> kWholeNames{
    "special_tokens_map.json", "generation_config.json", "merges.txt", "added_tokens.json"};
constexpr std::array<std::string_view, 3> kBeginnings{"tokenizer", "vocab.", "chat_template"};

/// Tokenizers of large vocabularies have some 30 MB.
constexpr std::uint64_t kLargestCompanion = std::uint64_t{1} << 30;

bool is_file(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

/// Companions go into what the program writes. A link may lead to where the file is kept: inside
/// the folder, under the same name elsewhere, or in a cache of Hugging Face's tools, which keep
/// files under their hashes. One that leads to anything else, as a link in a model from a stranger
/// may, would carry a file of the user's along.
bool leads_to_model_file(const std::filesystem::path& path) {
    std::error_code problem;
    const auto real = std::filesystem::canonical(path, problem);
    const auto folder = std::filesystem::canonical(path.parent_path(), problem);
    if (problem) {
        return true;  // opening it tells why
    }
    const auto place = real.parent_path();
    const auto inside = std::ranges::mismatch(folder, real).in1 == folder.end();
    const bool in_cache = place.filename() == "blobs" &&
                          place.parent_path().filename().string().starts_with("models--");
    return inside || real.filename() == path.filename() || in_cache;
}

std::string read_companion_file(const std::filesystem::path& path) {
    if (!leads_to_model_file(path)) {
        throw bad_request(
            "this link leads out of the model folder, to a file of another name",
            fmt::format("{} -> {}", path.string(), std::filesystem::canonical(path).string()),
            "put the file itself in its place, or remove the link");
    }
    return read_text(path, kLargestCompanion);
}

std::vector<std::string> companion_names(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code gone;  // a catalogue may outlive its folder: then there is nothing to carry
    for (auto entry = std::filesystem::directory_iterator(folder, gone);
         !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
        std::string name = entry->path().filename().string();
        if (is_companion(name) && is_file(entry->path())) {
            names.push_back(std::move(name));
        }
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace

bool is_companion(std::string_view file_name) {
    // Out of a file that another program made, it may be more than a name.
    if (file_name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
        return false;
    }
    return std::ranges::find(kWholeNames, file_name) != kWholeNames.end() ||
           std::ranges::any_of(kBeginnings, [&](std::string_view beginning) {
               return file_name.starts_with(beginning);
           });
}

std::vector<Companion> read_companions(const Catalogue& catalogue) {
    if (catalogue.companions) {
        return *catalogue.companions;
    }
    std::vector<Companion> companions;
    for (std::string& name : companion_names(catalogue.folder)) {
        std::string contents = read_companion_file(catalogue.folder / name);
        companions.push_back({std::move(name), std::move(contents)});
    }
    return companions;
}

std::optional<std::string> read_companion(const Catalogue& catalogue, std::string_view file_name) {
    if (!catalogue.companions) {
        const auto path = catalogue.folder / file_name;
        return is_file(path) ? std::optional(read_companion_file(path)) : std::nullopt;
    }
    for (const Companion& companion : *catalogue.companions) {
        if (companion.name == file_name) {
            return companion.contents;
        }
    }
    return std::nullopt;
}

}  // namespace alphaprune
