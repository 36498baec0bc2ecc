#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// The tokens of a whole text by the model's tokenizer.json, with the special tokens that it gives
/// (JsonTokenizer); of a model that has none, by its tokenizer.model (encode_by_sentencepiece).
/// @param text  UTF-8
/// @throws Error (bad_request) when there is no tokenizer, or it cannot be used
std::vector<std::int32_t> encode_text(const Catalogue& catalogue, std::string_view text);

/// The tokens of a whole text by the model's SentencePiece tokenizer (tokenizer.model), preceded by
/// the beginning-of-sequence token where the tokenizer has one and tokenizer_config.json does not
/// turn it off.
/// @param text  UTF-8
/// @throws Error (bad_request) when there is no tokenizer, it cannot be used, or this program was
///         built without SentencePiece
std::vector<std::int32_t> encode_by_sentencepiece(const Catalogue& catalogue,
                                                  std::string_view text);

/// For messages. A model is a folder, or one file that holds its auxiliary files, too.
std::string place_of_auxiliary_file(const Catalogue& catalogue, std::string_view name);

// What SentencePiece must not be given.

/// Whether SentencePiece can be given this tokenizer.model. It finds its rules of normalization in
/// a trie of numbers that refer to each other, and follows them, in a damaged file as well, to
/// wherever in memory they point; everything else it checks itself.
bool is_safe_tokenizer(std::string_view model);

/// Where the text stops being UTF-8: the first byte of the first sequence that is none (overlong
/// forms, surrogates and numbers beyond U+10FFFF are none). Nothing when all of it is.
std::optional<std::size_t> first_not_utf8(std::string_view text);

}  // namespace alphaprune::model
