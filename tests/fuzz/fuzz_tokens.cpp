#include <optional>

#include "alphaprune/model/tokens.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

model::Catalogue model_of(std::int64_t vocabulary) {
    model::Catalogue catalogue;
    catalogue.folder = std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "data/books-7m";
    catalogue.configuration.vocabulary = vocabulary;
    catalogue.configuration.max_positions = 64;
    return catalogue;
}

void check(const model::TokenFile& file, const model::Catalogue& catalogue) {
    for (const std::int32_t id : file.ids) {
        fuzz::require(id >= 0 && id < catalogue.configuration.vocabulary);
    }
    for (const std::optional<std::int64_t> length : {std::optional<std::int64_t>{}, {3}}) {
        fuzz::is_accepted([&] {
            const auto drawn = model::calibration_sequences(file, catalogue, 2, length, 7);
            fuzz::require(drawn.count() == 2 &&
                          drawn.sequence(1).size() == static_cast<std::size_t>(drawn.length));
        });
        fuzz::is_accepted([&] {
            const auto windows = model::evaluation_windows(file, catalogue, length);
            fuzz::require(windows.count() > 0 && windows.ids.size() <= file.ids.size());
        });
    }
}

}  // namespace

/// The input as token ids; where its first byte says so, as a text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    static const model::Catalogue catalogue = model_of(4096);
    const std::string_view text = fuzz::as_text(data, size);
    const bool is_npy = text.starts_with('\x93');
    const auto path = scratch.write(is_npy ? "tokens.npy" : "text.txt", text);
    fuzz::is_accepted([&] { check(model::read_tokens(path, catalogue), catalogue); });
    return 0;
}
