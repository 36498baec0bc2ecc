#include <string>

#include "require.hpp"
#include "scratch.hpp"
#include "tokens/tokenizer.hpp"
#include "tokens/tokenizer_json.hpp"

using namespace alphaprune;

/// A text, a line of dashes, and the tokenizer.json that it is encoded with.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = fuzz::as_text(data, size);
    std::string text = "The cat's \xC3\xA4\xE2\x84\xA2\xF0\x9F\x8D\x8E 12 caf\x65\xCC\x81 \n\tx";
    const std::string_view given = fuzz::take_part(rest);
    if (!model::first_not_utf8(given)) {
        text += given;
    }
    fuzz::is_accepted([&] {
        model::JsonTokenizer tokenizer(rest, "tokenizer.json");
        const auto ids = tokenizer.encode(text);
        fuzz::require(tokenizer.encode(text) == ids);  // from the caches, too
    });
    return 0;
}
