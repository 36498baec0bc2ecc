#include "tokens/token_model.hpp"

#include <fmt/format.h>

#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string> kUnknownCharacter{
    "model.text-beyond-vocabulary",
    "the text has '{}', which the tokenizer has no token for, nor one for what it does not know",
    "the tokenizer was made for another language, or is damaged",
    "use another text, or give token ids as a .npy file instead of text"};

}  // namespace

std::unique_ptr<TokenModel> read_token_model(const TokenizerPart& part) {
    // Files of earlier versions of the library do not say what they have.
    const std::string type =
        part.find("type") == nullptr && part.find("merges") != nullptr ? "BPE" : part.type();
    if (type == "BPE") {
        return read_bpe(part);
    }
    if (type == "Unigram") {
        return read_unigram(part);
    }
    part.refuse_type();
}

std::string byte_token(unsigned char byte) {
    return fmt::format("<0x{:02X}>", byte);
}

void refuse_unknown(std::string_view character, const std::string& where) {
    throw kUnknownCharacter(where, std::string(character));
}

}  // namespace alphaprune::model
