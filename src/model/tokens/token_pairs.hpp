#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/choice_task.hpp"
#include "tokens/tokenizer.hpp"

namespace alphaprune::model {

/// Encodes contexts and continuations as lm-evaluation-harness does (lm_eval/api/model.py,
/// TemplateLM.loglikelihood and _encode_pair; lm_eval/models/huggingface.py, tok_encode). Keeps
/// the context encoded last. Not for several threads at once.
class ContextEncoder {
  public:
    /// @throws Error (bad_request) when there is no tokenizer, or it cannot be used
    explicit ContextEncoder(const Catalogue& catalogue);

    /// Both together; of the continuation perhaps nothing, where its characters are part of the
    /// context's last tokens.
    /// @throws Error (bad_request) when the context is empty and no token begins a sequence
    Continuation encode(std::string_view context, std::string_view continuation);

  private:
    std::vector<std::int32_t> encode_whole(std::string_view text) const;
    std::int32_t first_token() const;

    const Catalogue& catalogue_;
    TextEncoder encode_;
    std::optional<std::int32_t> prefix_;  ///< the token that begins a sequence
    std::string prefix_text_;             ///< as it is written in a text; empty: not known
    std::string context_;
    std::vector<std::int32_t> of_context_;
};

/// The text without the white space at its end, as Python's str.rstrip() finds it.
/// @param text  UTF-8
std::string_view without_white_end(std::string_view text);

/// Characters of a text: what Python's len() says. @param text  UTF-8
std::int64_t characters_in(std::string_view text);

}  // namespace alphaprune::model
