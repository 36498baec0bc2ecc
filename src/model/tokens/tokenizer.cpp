#include "tokens/tokenizer.hpp"

#include "alphaprune/model/auxiliary_files.hpp"
#include "tokens/tokenizer_json.hpp"

namespace alphaprune::model {
namespace {

constexpr std::string_view kJsonFile = "tokenizer.json";

}  // namespace

std::string place_of_auxiliary_file(const Catalogue& catalogue, std::string_view name) {
    const auto place = catalogue.auxiliary_files && !catalogue.shards.empty()
                           ? catalogue.folder / catalogue.shards.front()
                           : catalogue.folder;
    return (place / name).string();
}

TextEncoder open_tokenizer(const Catalogue& catalogue) {
    const auto json = read_auxiliary_file(catalogue, kJsonFile);
    if (!json) {
        return open_sentencepiece(catalogue);
    }
    const auto tokenizer =
        std::make_shared<JsonTokenizer>(*json, place_of_auxiliary_file(catalogue, kJsonFile));
    return [tokenizer](std::string_view text, bool special) {
        return tokenizer->encode(text, special);
    };
}

std::vector<std::int32_t> encode_text(const Catalogue& catalogue, std::string_view text) {
    return open_tokenizer(catalogue)(text, true);
}

}  // namespace alphaprune::model
