// What stands in for sentencepiece.cpp where the program is built without SentencePiece.
#include "alphaprune/support/message.hpp"
#include "tokens/tokenizer.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoSentencePiece{
    "model.no-sentencepiece",
    "text needs the model's tokenizer.json, which it lacks, or the SentencePiece tokenizer, which "
    "this program was built without",
    "SentencePiece is optional when the program is built; --version says what it has",
    "give token ids as a .npy file instead of text, or build the program with SentencePiece"};

}  // namespace

TextEncoder open_sentencepiece(const Catalogue& catalogue) {
    throw kNoSentencePiece((catalogue.folder / "tokenizer.model").string());
}

}  // namespace alphaprune::model
