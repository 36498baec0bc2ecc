#include "model_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace alphaprune {
namespace {

/// A block's number, all of the text.
std::optional<int> number_in(std::string_view text) {
    int number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = problem == std::errc{} && end == text.data() + text.size() && number >= 0;
    return whole ? std::optional(number) : std::nullopt;
}

/// "A-B", or "A" for one block.
std::optional<BlockRange> range_in(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = number_in(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_in(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return BlockRange{*first, *last};
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
    if (const Setting* blocks = reader.find("blocks")) {
        options.blocks = range_in(blocks->value);
        if (!options.blocks) {
            reader.faults().add(
                fmt::format("--blocks '{}' is no range of blocks", blocks->value), blocks->origin,
                "write the first and the last, as in 0-3, or one alone; they count from 0");
        }
    }
}

}  // namespace alphaprune
