#pragma once

#include <string_view>

namespace alphaprune::model {

/// Whether SentencePiece can be given this tokenizer.model. It finds its rules of normalisation in
/// a trie of numbers that lead from one to the next, and follows them, in a damaged file as well,
/// to wherever in memory they lead; everything else it checks itself.
bool is_safe_tokenizer(std::string_view model);

}  // namespace alphaprune::model
