#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokens/tokenizer_part.hpp"

namespace alphaprune::model {

/// A vocabulary, and how a piece of text is made of it (the library `tokenizers`, module models).
class TokenModel {
  public:
    virtual ~TokenModel() = default;
    /// Appends the ids of a piece that is not empty. @throws Error (bad_request) when it has
    /// characters that are not in the vocabulary, and there is no token for these
    virtual void encode(std::string_view piece, std::vector<std::int32_t>& ids) = 0;
    virtual std::optional<std::int32_t> id_of(const std::string& token) const = 0;
    virtual std::size_t vocabulary_size() const = 0;
};

/// Byte-pair encoding: of all neighbours of a piece, those whose merge has the lowest rank become
/// one token, the first of equal ones, until no merge is left. n characters take O(n log n).
/// @throws Error (bad_request): an option that is not understood, merges of tokens that are not in
///         the vocabulary …
std::unique_ptr<TokenModel> read_bpe(const TokenizerPart& part);

/// Unigram language model: the tokens whose scores have the highest sum.
/// @throws Error (bad_request): an option that is not understood, scores that are no numbers …
std::unique_ptr<TokenModel> read_unigram(const TokenizerPart& part);

/// What tokenizer.json has under "model": of type BPE or Unigram. @throws Error (bad_request)
std::unique_ptr<TokenModel> read_token_model(const TokenizerPart& part);

// Of both of them.

/// The token that stands for a byte where a character is not in the vocabulary: "<0x0A>".
std::string byte_token(unsigned char byte);

/// The text has what the vocabulary lacks.
[[noreturn]] void refuse_unknown(std::string_view character, const std::string& where);

}  // namespace alphaprune::model
