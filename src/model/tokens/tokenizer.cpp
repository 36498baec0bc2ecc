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

std::vector<std::int32_t> encode_text(const Catalogue& catalogue, std::string_view text) {
    if (const auto json = read_auxiliary_file(catalogue, kJsonFile)) {
        return JsonTokenizer(*json, place_of_auxiliary_file(catalogue, kJsonFile)).encode(text);
    }
    return encode_by_sentencepiece(catalogue, text);
}

}  // namespace alphaprune::model
