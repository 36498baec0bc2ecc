#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::model {

/// The tokenizer of a tokenizer.json, which gives the ids that the library `tokenizers` (Hugging
/// Face) gives: added tokens are found in the text, what is between them is normalized, split into
/// pieces, and each piece encoded by the model; special tokens are put around. What the file has to
/// say of truncation, padding and decoding is passed over. Not for several threads at once.
class JsonTokenizer {
  public:
    /// @param text   of the file
    /// @param where  the file, for errors
    /// @throws Error (bad_request) naming what is not understood, or wrong
    JsonTokenizer(std::string_view text, const std::string& where);
    ~JsonTokenizer();
    JsonTokenizer(JsonTokenizer&&) noexcept;
    JsonTokenizer& operator=(JsonTokenizer&&) = delete;

    /// @param text     UTF-8, checked before
    /// @param special  whether to put the special tokens of the post-processor around it; special
    ///                 tokens in the text itself are found in any case
    /// @throws Error (bad_request) when the text has what the vocabulary lacks, or cannot be
    ///         searched for a regular expression of the tokenizer
    std::vector<std::int32_t> encode(std::string_view text, bool special = true);

  private:
    struct Pipeline;
    std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace alphaprune::model
