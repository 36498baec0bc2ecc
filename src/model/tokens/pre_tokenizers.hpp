#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {

/// One step that splits a piece of text, and may change it (the library `tokenizers`, module
/// pre_tokenizers).
class PreTokenizer {
  public:
    using Take = std::function<void(std::string_view piece)>;

    virtual ~PreTokenizer() = default;
    /// Calls `take` for every part of a piece, in order; empty ones among them are to be left out.
    /// What they look at is valid until `take` returns.
    /// @param at_beginning  whether the piece is at the beginning of the whole text
    virtual void split(std::string_view piece, bool at_beginning, const Take& take) = 0;
};

/// What tokenizer.json has under "pre_tokenizer".
struct PreTokenizers {
    std::vector<std::unique_ptr<PreTokenizer>> steps;  ///< one after another

    /// Calls `take` for every piece that the model is to encode, none of them empty.
    void split(std::string_view text, bool at_beginning, const PreTokenizer::Take& take) const;
};

/// Understood are Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation and WhitespaceSplit.
/// @param value            may be null
/// @param keeps_beginning  whether texts come here with their own first character
/// @throws Error (bad_request) naming what is not understood
PreTokenizers read_pre_tokenizers(const formats::Json* value, bool keeps_beginning,
                                  const std::string& where);

}  // namespace alphaprune::model
