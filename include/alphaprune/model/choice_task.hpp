#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Tokens whose likelihood is asked for, behind those of their context.
struct Continuation {
    std::vector<std::int32_t> tokens;  ///< of the context, at least one, then of the continuation
    std::int64_t scored = 0;           ///< how many of them are the continuation, at least one

    bool operator==(const Continuation&) const = default;
};

/// A question of a multiple-choice task.
struct ChoiceItem {
    std::vector<Continuation> choices;
    std::vector<std::int64_t> characters;  ///< of each choice, by which acc_norm divides
    std::vector<std::int64_t> answers;     ///< numbers of the right choices, usually one

    bool operator==(const ChoiceItem&) const = default;
};

struct ChoiceTask {
    std::vector<ChoiceItem> items;
    std::int64_t shortened = 0;  ///< choices whose context has lost tokens at its beginning
    std::int64_t length = 0;     ///< tokens that a model reads at most

    bool operator==(const ChoiceTask&) const = default;
};

/// Reads a multiple-choice task, one JSON object a line, and encodes it with the model's tokenizer
/// as lm-evaluation-harness does (lm_eval/api/model.py, TemplateLM; docs/methods.md): white space
/// at the end of a context belongs to the continuation, whose tokens are those of both together
/// without as many as the context has alone. An empty context is the token that begins a sequence.
///
///     {"context": "The sky is", "choices": ["blue", "green"], "answer": 0}
///
/// `answer` may be a list of several right choices; `delimiter` (default " ") goes before each
/// choice. Where choices differ in what stands before, `context` is a list of one text per choice,
/// and `continuation` the text that follows each. Other members are passed over.
/// @param length  tokens that the model reads at most; nothing: its number of positions, or 2048
///                where it has none. Longer contexts lose their beginning.
/// @throws Error (bad_request) with the faults of the first lines that have some: not JSON, a
///         member missing or of another kind, an answer that is no choice, a continuation of no
///         tokens or of more than `length`; no tokenizer; no items
ChoiceTask read_choice_task(const std::filesystem::path& path, const Catalogue& catalogue,
                            std::optional<std::int64_t> length);

/// As bytes, for the journey between ranks.
std::string bytes_of(const ChoiceTask& task);
ChoiceTask choice_task_in(std::string_view bytes);

}  // namespace alphaprune::model
