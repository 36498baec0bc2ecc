#include "tokenizer.hpp"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <string>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/companions.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {
namespace {

constexpr std::string_view kModelFile = "tokenizer.model";
constexpr std::string_view kSettingsFile = "tokenizer_config.json";

/// A model is a folder, or one file that holds its companions, too.
std::string place_of_companion(const Catalogue& catalogue, std::string_view name) {
    const auto place = catalogue.companions && !catalogue.shards.empty()
                           ? catalogue.folder / catalogue.shards.front()
                           : catalogue.folder;
    return (place / name).string();
}

std::string read_model_file(const Catalogue& catalogue) {
    if (auto contents = read_companion(catalogue, kModelFile)) {
        return *std::move(contents);
    }
    throw bad_request("text needs the model's SentencePiece tokenizer, and the model has none",
                      place_of_companion(catalogue, kModelFile),
                      "give token ids as a .npy file instead of text; in Python: numpy.save("
                      "\"tokens.npy\", numpy.array(tokenizer(text).input_ids, \"int32\"))");
}

/// tokenizer_config.json may turn the beginning-of-sequence token off.
bool wants_beginning(const Catalogue& catalogue) {
    const auto text = read_companion(catalogue, kSettingsFile);
    if (!text) {
        return true;
    }
    const Json settings = Json::parse(*text, place_of_companion(catalogue, kSettingsFile));
    const Json* wanted = settings.find("add_bos_token");
    return wanted == nullptr || wanted->as_bool().value_or(true);
}

}  // namespace

struct Tokenizer::State {
    sentencepiece::SentencePieceProcessor processor;
    bool begins = false;
};

Tokenizer::Tokenizer(const Catalogue& catalogue) : state_(std::make_unique<State>()) {
    const std::string model = read_model_file(catalogue);
    const auto status = state_->processor.LoadFromSerializedProto(model);
    if (!status.ok()) {
        throw bad_request(
            fmt::format("this is not a SentencePiece model: {}", status.error_message()),
            place_of_companion(catalogue, kModelFile),
            "fetch the file again from where the model came from");
    }
    state_->begins = state_->processor.bos_id() >= 0 && wants_beginning(catalogue);
}

Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
    std::vector<int> pieces;
    const auto status = state_->processor.Encode({text.data(), text.size()}, &pieces);
    if (!status.ok()) {
        throw failure(fmt::format("the tokenizer failed: {}", status.error_message()),
                      std::string(kModelFile), "give token ids as a .npy file instead of text");
    }
    std::vector<std::int32_t> ids;
    ids.reserve(pieces.size() + 1);
    if (state_->begins) {
        ids.push_back(state_->processor.bos_id());
    }
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    return ids;
}

}  // namespace alphaprune
