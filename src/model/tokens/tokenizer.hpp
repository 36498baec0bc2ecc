#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Encodes texts (UTF-8) one after another, with or without the special tokens that the tokenizer
/// puts around a text. Not for several threads at once.
/// @throws Error (bad_request) when a text cannot be encoded
using TextEncoder = std::function<std::vector<std::int32_t>(std::string_view text, bool special)>;

/// The tokenizer of encode_text(), opened once for many texts. @throws Error (bad_request)
TextEncoder open_tokenizer(const Catalogue& catalogue);

/// The tokens of a whole text by the model's tokenizer.json, with the special tokens that it gives
/// (JsonTokenizer); of a model that has none, by its tokenizer.model (open_sentencepiece).
/// @param text  UTF-8
/// @throws Error (bad_request) when there is no tokenizer, or it cannot be used
std::vector<std::int32_t> encode_text(const Catalogue& catalogue, std::string_view text);

/// The model's SentencePiece tokenizer (tokenizer.model); its one special token is that of the
/// beginning of a sequence, first, where the tokenizer has one and tokenizer_config.json does not
/// turn it off.
/// @throws Error (bad_request) when there is no tokenizer, it cannot be used, or this program was
///         built without SentencePiece
TextEncoder open_sentencepiece(const Catalogue& catalogue);

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

/// @throws Error (bad_request) naming the first byte that is none
void require_utf8(std::string_view text, const std::string& where);

/// @throws Error (bad_request) when ids are not in the model's vocabulary
void require_known_ids(const std::vector<std::int32_t>& ids, const Catalogue& catalogue,
                       const std::string& where);

}  // namespace alphaprune::model
