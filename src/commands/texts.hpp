#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/transformer/perplexity.hpp"

namespace alphaprune::commands {

/// A text to evaluate on, cut into windows.
struct EvaluationText {
    std::filesystem::path file;
    model::TokenSequences windows;
};

/// Collective: read on rank 0, the same on every rank. @throws Error
model::TokenSequences load_calibration(const parallel::Communicator& ranks,
                                       const std::filesystem::path& file,
                                       const model::Catalogue& catalogue, std::optional<int> count,
                                       std::optional<int> length, std::uint64_t seed);
/// Collective. @throws Error with the faults of all files
std::vector<EvaluationText> load_evaluations(const parallel::Communicator& ranks,
                                             const std::vector<std::filesystem::path>& files,
                                             const model::Catalogue& catalogue,
                                             std::optional<int> length);

/// Collective: perplexity on a text, with a progress line.
/// @param what  of whom it is, for that line
transformer::Perplexity evaluate_text(const parallel::Communicator& ranks,
                                      const model::Catalogue& catalogue,
                                      const model::RowSource& source, const EvaluationText& text,
                                      const std::string& what);

}  // namespace alphaprune::commands
