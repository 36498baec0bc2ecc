#include <string>

#include "alphaprune/model/tokens.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

/// tokenizer_config.json, a line of dashes, and the tokenizer.model that a text is encoded with.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    static const auto path = scratch.write(
        "text.txt", "The cat's \xC3\xA4\xE2\x84\xA2\xF0\x9F\x8D\x8E 12 caf\x65\xCC\x81 \n\tx");
    std::string_view rest = fuzz::as_text(data, size);
    model::Catalogue catalogue;
    catalogue.auxiliary_files.emplace();
    catalogue.auxiliary_files->push_back(
        {"tokenizer_config.json", std::string(fuzz::take_part(rest))});
    catalogue.auxiliary_files->push_back({"tokenizer.model", std::string(rest)});
    fuzz::is_accepted([&] { model::read_tokens(path, catalogue); });
    return 0;
}
