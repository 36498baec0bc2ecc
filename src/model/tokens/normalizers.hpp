#pragma once

#include <functional>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {

/// Changes a text before it is split: Unicode's normal forms, replacements … (the library
/// `tokenizers`, module normalizers).
using Normalizer = std::function<void(std::string& text)>;

/// What tokenizer.json has under "normalizer".
struct Normalizers {
    std::vector<Normalizer> steps;  ///< one after another
    /// Whether the first character of what comes out is always, and only, made of the first
    /// character of what went in.
    bool keeps_beginning = true;

    void apply(std::string& text) const;
};

/// Understood are Sequence, NFC, NFD, NFKC, NFKD, Replace, Prepend, Lowercase and Strip.
/// @param value  may be null
/// @throws Error (bad_request) naming what is not understood
Normalizers read_normalizers(const formats::Json* value, const std::string& where);

}  // namespace alphaprune::model
