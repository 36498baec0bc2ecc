#include "hugging_face_cache.hpp"

#include <cctype>
#include <system_error>

#include "alphaprune/model/find_model.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"

namespace alphaprune {
namespace {

/// A revision is a commit: it must not lead out of the folder of snapshots.
bool is_revision(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

}  // namespace

std::vector<std::filesystem::path> hugging_face_caches(const Environment& environment) {
    std::vector<std::filesystem::path> caches;
    const auto add = [&](const char* variable, const char* inside) {
        const auto value = environment(variable);
        if (value) {
            caches.push_back(std::filesystem::path(*value) / inside);
        }
        return value.has_value();
    };
    if (const auto cache = environment("HF_HUB_CACHE")) {
        caches.emplace_back(*cache);
    }
    add("HF_HOME", "hub");
    if (!add("XDG_CACHE_HOME", "huggingface/hub")) {
        add("HOME", ".cache/huggingface/hub");
    }
    return caches;
}

std::filesystem::path cached_model(const std::filesystem::path& cache,
                                   const std::string& repository) {
    std::string folder = "models--" + repository;
    folder.replace(folder.find('/'), 1, "--");
    return cache / folder;
}

std::filesystem::path snapshot_in(const std::filesystem::path& cached) {
    constexpr std::uint64_t kLongest = 1024;
    const auto reference = cached / "refs" / "main";
    std::error_code reason;
    if (!std::filesystem::is_regular_file(reference, reason)) {
        if (reason && !is_about_the_path(reason.value())) {
            throw path_error("cannot look at the file", reference, reason.value());
        }
        return {};
    }
    std::string revision = read_text(reference, kLongest);
    while (!revision.empty() && std::isspace(static_cast<unsigned char>(revision.back())) != 0) {
        revision.pop_back();
    }
    if (!is_revision(revision)) {
        throw bad_request("this names no revision of a model", reference.string(),
                          "fetch the model again with Hugging Face's tools");
    }
    return cached / "snapshots" / revision;
}

}  // namespace alphaprune
