#include "alphaprune/model/choice_task.hpp"
#include "require.hpp"
#include "scratch.hpp"
#include "tokens/token_pairs.hpp"
#include "tokens/tokenizer.hpp"

using namespace alphaprune;

namespace {

model::Catalogue small_model() {
    model::Catalogue catalogue;
    catalogue.folder = std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "data/books-7m";
    catalogue.configuration_text = R"({"bos_token_id": 1})";
    catalogue.configuration.vocabulary = 4096;
    catalogue.configuration.max_positions = 24;
    return catalogue;
}

void check(const model::ChoiceTask& task) {
    for (const model::ChoiceItem& item : task.items) {
        fuzz::require(!item.choices.empty() && item.characters.size() == item.choices.size());
        for (const std::int64_t answer : item.answers) {
            fuzz::require(answer >= 0 && answer < static_cast<std::int64_t>(item.choices.size()));
        }
        for (const model::Continuation& choice : item.choices) {
            const auto tokens = static_cast<std::int64_t>(choice.tokens.size());
            fuzz::require(choice.scored > 0 && choice.scored < tokens);
            fuzz::require(tokens <= task.length + 1);
        }
    }
    fuzz::require(model::choice_task_in(model::bytes_of(task)) == task);
}

}  // namespace

/// The input as a multiple-choice task; as UTF-8, also as a text whose white space at the end is
/// found.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    static const model::Catalogue catalogue = small_model();
    const std::string_view text = fuzz::as_text(data, size);
    if (!model::first_not_utf8(text)) {
        const std::string_view rest = model::without_white_end(text);
        fuzz::require(text.starts_with(rest) && !model::first_not_utf8(rest));
        fuzz::require(model::without_white_end(rest) == rest);
    }
    const auto path = scratch.write("task.jsonl", text);
    fuzz::is_accepted([&] { check(model::read_choice_task(path, catalogue, {})); });
    return 0;
}
