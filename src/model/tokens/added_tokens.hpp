#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokens/byte_trie.hpp"
#include "tokens/normalizers.hpp"
#include "tokens/token_model.hpp"
#include "tokens/unicode_pattern.hpp"

namespace alphaprune::model {

/// What is found in a text before anything else is done with it (AddedToken of the library
/// `tokenizers`).
struct AddedToken {
    std::string content;
    std::int32_t id = 0;
    bool single_word = false;  ///< not found inside of words
    bool lstrip = false;       ///< takes the white space before it along
    bool rstrip = false;       ///< and that behind it
    bool normalized = false;   ///< looked for, itself normalized, in the normalized text
};

/// Looks for some added tokens in texts: always the first, of those that begin there the longest.
class AddedTokenSearch {
  public:
    explicit AddedTokenSearch(const std::string& where) : where_(where) {}

    /// @param text  by which it is looked for
    void add(const AddedToken& token, std::string_view text);

    /// Calls `take(part, id)` for all parts of a text, in order: added tokens with their ids, what
    /// is in between without. @param text  not empty
    using Take = std::function<void(std::string_view part, std::optional<std::int32_t> id)>;
    void split(std::string_view text, const Take& take) const;

  private:
    std::optional<std::size_t> find_at(std::string_view rest, const AddedToken*& token) const;
    bool is_word_inside(std::string_view text, std::size_t begin, std::size_t end) const;

    std::string where_;
    std::vector<AddedToken> tokens_;
    ByteTrie texts_;  ///< of tokens, by number
    std::vector<bool> first_bytes_ = std::vector<bool>(256, false);
    std::optional<UnicodePattern> word_;  ///< a character of one
};

struct AddedTokens {
    AddedTokenSearch plain;       ///< in the text as it is
    AddedTokenSearch normalized;  ///< in what is left of it, normalized
};

/// What tokenizer.json has under "added_tokens".
/// @throws Error (bad_request): ids that are not those which the library gives, or two tokens that
///         are looked for by one text
AddedTokens read_added_tokens(const TokenizerPart& tokenizer, const TokenModel& model,
                              const Normalizers& normalizers);

}  // namespace alphaprune::model
