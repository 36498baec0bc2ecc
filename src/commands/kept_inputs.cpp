#include "kept_inputs.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

/// The files of a model's folder may be links to anywhere.
std::vector<fs::path> inputs_of(const cli::Options& options, const fs::path& model) {
    std::vector<fs::path> inputs{model, options.model, options.metric_cache,
                                 options.allocation_file, options.calibration};
    inputs.insert(inputs.end(), options.evaluations.begin(), options.evaluations.end());
    std::error_code none;
    for (const fs::directory_entry& file : fs::directory_iterator(model, none)) {
        inputs.push_back(file.path());
    }
    return inputs;
}

/// Where it is, and where the link is that may stand for it; nothing where nothing is.
std::vector<fs::path> places_of(const fs::path& input) {
    std::error_code absent;
    const fs::path file = fs::canonical(input, absent);
    if (absent) {
        return {};
    }
    const fs::path folder = fs::canonical(fs::absolute(input).parent_path(), absent);
    return {file, folder / input.filename()};
}

/// Of two paths without links.
bool lies_in(const fs::path& path, const fs::path& place) {
    return std::ranges::mismatch(place, path).in1 == place.end();
}

}  // namespace

void require_inputs_elsewhere(const cli::Options& options, const fs::path& model,
                              std::span<const fs::path> doomed) {
    std::vector<fs::path> removed;
    for (const fs::path& path : doomed) {
        std::error_code absent;
        removed.push_back(fs::canonical(path, absent));
    }
    std::erase(removed, fs::path());
    for (const fs::path& input : inputs_of(options, model)) {
        for (const fs::path& place : places_of(input)) {
            if (std::ranges::any_of(removed,
                                    [&](const auto& gone) { return lies_in(place, gone); })) {
                throw support::bad_request("--overwrite would remove what this run reads",
                                           input.string(), "choose another --output");
            }
        }
    }
}

}  // namespace alphaprune::commands
