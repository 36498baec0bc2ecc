#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// A model's SentencePiece tokenizer.
class Tokenizer {
  public:
    /// Reads tokenizer.model and, for the question whether a text begins with the
    /// beginning-of-sequence token, tokenizer_config.json.
    /// @throws Error (bad_request) when there is none, or it cannot be used
    explicit Tokenizer(const Catalogue& catalogue);
    Tokenizer(Tokenizer&&) noexcept;
    ~Tokenizer();

    /// The tokens of a whole text. @param text  UTF-8
    std::vector<std::int32_t> encode(std::string_view text) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace alphaprune::model
