#include "tokens/tokenizer.hpp"

#include <sentencepiece_processor.h>

#include <exception>
#include <memory>
#include <new>
#include <string>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoTokenizer{
    "model.no-tokenizer", "text needs the model's tokenizer, and the model has none",
    "the model's folder has neither tokenizer.json nor tokenizer.model",
    "give token ids as a .npy file instead of text; in Python: numpy.save(\"tokens.npy\", "
    "numpy.array(tokenizer(text).input_ids, \"int32\"))"};

const support::BadRequest<std::string> kBadTokenizer{
    "model.bad-tokenizer", "this is not a SentencePiece model: {}",
    "tokenizer.model is damaged, a Git LFS pointer, or of another kind",
    "fetch the file again from where the model came from"};

const support::BadRequest<std::string> kNotEncoded{
    "model.text-not-encoded", "the tokenizer cannot encode the text: {}",
    "the tokenizer is damaged, or the text is too long for it",
    "give token ids as a .npy file instead of text"};

constexpr std::string_view kModelFile = "tokenizer.model";
constexpr std::string_view kSettingsFile = "tokenizer_config.json";

/// tokenizer_config.json may turn the beginning-of-sequence token off.
bool wants_beginning(const Catalogue& catalogue) {
    const auto text = read_auxiliary_file(catalogue, kSettingsFile);
    if (!text) {
        return true;
    }
    const formats::Json settings = formats::Json::parse(
        *text, place_of_auxiliary_file(catalogue, kSettingsFile), formats::JsonDialect::python);
    const formats::Json* wanted = settings.find("add_bos_token");
    return wanted == nullptr || wanted->as_bool().value_or(true);
}

/// What goes wrong inside SentencePiece, returned as a status or thrown; empty: nothing.
template <class Action>
std::string trouble_of(Action action) {
    try {
        const auto status = action();
        return status.ok() ? std::string() : std::string(status.error_message());
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& problem) {
        return problem.what();
    }
}

/// Loads the model's tokenizer.model.
void load(const Catalogue& catalogue, sentencepiece::SentencePieceProcessor& processor) {
    const std::string where = place_of_auxiliary_file(catalogue, kModelFile);
    const std::optional<std::string> model = read_auxiliary_file(catalogue, kModelFile);
    if (!model) {
        throw kNoTokenizer(where);
    }
    const std::string trouble =
        is_safe_tokenizer(*model)
            ? trouble_of([&] { return processor.LoadFromSerializedProto(*model); })
            : "its parts refer to what lies outside of it";
    if (!trouble.empty()) {
        throw kBadTokenizer(where, trouble);
    }
}

}  // namespace

TextEncoder open_sentencepiece(const Catalogue& catalogue) {
    const auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
    load(catalogue, *processor);
    const bool begins = processor->bos_id() >= 0 && wants_beginning(catalogue);
    return [processor, begins](std::string_view text, bool special) {
        std::vector<std::int32_t> ids;
        if (special && begins) {
            ids.push_back(processor->bos_id());
        }
        std::vector<int> pieces;
        const std::string trouble = trouble_of([&] {
            return processor->Encode({text.data(), text.size()}, &pieces);
        });
        if (!trouble.empty()) {
            throw kNotEncoded(std::string(kModelFile), trouble);
        }
        ids.insert(ids.end(), pieces.begin(), pieces.end());
        return ids;
    };
}

}  // namespace alphaprune::model
