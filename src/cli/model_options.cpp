#include "model_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace alphaprune::cli {
namespace {

/// A block's number, all of the text.
std::optional<int> number_in(std::string_view text) {
    int number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = problem == std::errc{} && end == text.data() + text.size() && number >= 0;
    return whole ? std::optional(number) : std::nullopt;
}

/// "A-B", or "A" for one block.
std::optional<model::BlockRange> range_in(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = number_in(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_in(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return model::BlockRange{*first, *last};
}

std::vector<model::NamePattern> patterns_in(const SettingReader& reader, std::string_view option) {
    std::vector<model::NamePattern> patterns;
    for (const std::string& text : reader.values(option)) {
        try {
            patterns.emplace_back(text,
                                  fmt::format("--{} ({})", option, reader.find(option)->origin));
        } catch (const support::Error& error) {
            reader.faults().add(error);
        }
    }
    return patterns;
}

}  // namespace

void read_model_options(const SettingReader& reader, Options& options) {
    // A finished run says itself what its model was.
    options.model = reader.find("validate") != nullptr
                        ? reader.path("model")
                        : reader.needed_path("model", "the folder or the name of the model");
    options.model_root = reader.path("model-root");
    if (const Setting* revision = reader.find("revision")) {
        options.revision = revision->value;
    }
    options.synthetic = reader.on("synthetic");
    options.matrices = {patterns_in(reader, "include"), patterns_in(reader, "exclude")};
    if (const Setting* blocks = reader.find("blocks")) {
        options.blocks = range_in(blocks->value);
        if (!options.blocks) {
            reader.faults().add(
                fmt::format("--blocks '{}' is no range of blocks", blocks->value), blocks->origin,
                "write the first and the last, as in 0-3, or one alone; they count from 0");
        }
    }
}

}  // namespace alphaprune::cli
