#include "alphaprune/model/choice_task.hpp"

#include <algorithm>

#include "alphaprune/formats/json_fields.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "tokens/token_pairs.hpp"
#include "tokens/token_sequences.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoItems{
    "model.no-choice-items", "there is no item in the file", "the file is empty",
    "give one JSON object a line, with the members context, choices and answer"};
const support::BadRequest<> kNoChoices{"model.no-choices",
                                       "the item has no choices, or an empty one",
                                       "choices is an empty list, or one of them an empty text",
                                       "give at least one choice, each with a text"};
const support::BadRequest<std::size_t, std::size_t> kContexts{
    "model.contexts-of-choices", "the item has {} contexts for {} choices",
    "context is a list, which has one text for each choice",
    "give one context for each choice, or one text for all of them"};
const support::BadRequest<> kNoContinuation{
    "model.no-continuation", "context is a list, and there is no continuation",
    "where the choices differ in their contexts, one text follows all of them",
    "add \"continuation\": the text that is scored behind each context"};
const support::BadRequest<std::int64_t, std::size_t> kNoSuchChoice{
    "model.no-such-choice", "the answer {} is none of {} choices (counted from 0)",
    "answer is a number of a choice, counted from 0, or a list of such numbers",
    "correct the item, or leave it out"};
const support::BadRequest<std::size_t> kNoTokens{
    "model.continuation-without-tokens",
    "choice {} (counted from 0) has no tokens of its own behind its context",
    "the tokenizer joins it with the end of the context, or drops it",
    "let the delimiter, or the choice, begin with a space"};
const support::BadRequest<std::size_t, std::int64_t, std::int64_t> kLongContinuation{
    "model.long-continuation",
    "choice {} (counted from 0) has {} tokens, of {} that the model reads",
    "--seqlen is too short, or the choice is a whole text",
    "give a longer --seqlen, or shorter choices"};

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;
constexpr std::size_t kMostFaults = 10;  ///< of lines that are told of

/// An item as it is written.
struct WrittenItem {
    std::vector<std::string> contexts;  ///< one per choice
    std::vector<std::string> choices;
    std::string delimiter = " ";
    std::optional<std::string> continuation;
    std::vector<std::int64_t> answers;
};

template <class T>
std::vector<T> one_or_list(const formats::Json& value, const formats::JsonField& field) {
    std::vector<T> values;
    if (value.is_array()) {
        field.read(values);
    } else {
        field.read(values.emplace_back());
    }
    return values;
}

WrittenItem read_item(std::string_view line, const std::string& where) {
    const formats::Json json = formats::Json::parse(line, where, formats::JsonDialect::python);
    const formats::JsonField fields(json, "", where);
    WrittenItem item;
    fields["choices"].read(item.choices);
    if (item.choices.empty() || std::ranges::count(item.choices, "") > 0) {
        throw kNoChoices(where);
    }
    const formats::JsonField context = fields["context"];
    const bool differ = json.find("context")->is_array();
    item.contexts = one_or_list<std::string>(*json.find("context"), context);
    if (differ && item.contexts.size() != item.choices.size()) {
        throw kContexts(where, item.contexts.size(), item.choices.size());
    }
    item.contexts.resize(item.choices.size(), item.contexts.front());
    if (fields.has("delimiter")) {
        fields["delimiter"].read(item.delimiter);
    }
    if (fields.has("continuation")) {
        fields["continuation"].read(item.continuation);
    }
    if (differ && !item.continuation) {
        throw kNoContinuation(where);
    }
    const formats::JsonField answer = fields["answer"];
    item.answers = one_or_list<std::int64_t>(*json.find("answer"), answer);
    for (const std::int64_t number : item.answers) {
        if (number >= static_cast<std::int64_t>(item.choices.size())) {
            throw kNoSuchChoice(where, number, item.choices.size());
        }
    }
    return item;
}

/// Reads and encodes one line after another.
class TaskReader {
  public:
    TaskReader(const Catalogue& catalogue, std::int64_t length)
        : catalogue_(catalogue), encoder_(catalogue) {
        task_.length = length;
    }

    void add(std::string_view line, const std::string& where) {
        const WrittenItem written = read_item(line, where);
        ChoiceItem item;
        item.answers = written.answers;
        std::int64_t shortened = 0;
        for (std::size_t c = 0; c < written.choices.size(); ++c) {
            const std::string& text =
                written.continuation ? *written.continuation : written.choices[c];
            Continuation pair = encoder_.encode(written.contexts[c], written.delimiter + text);
            if (pair.scored == 0) {
                throw kNoTokens(where, c);
            }
            if (pair.scored > task_.length) {
                throw kLongContinuation(where, c, pair.scored, task_.length);
            }
            require_known_ids(pair.tokens, catalogue_, where);
            // The last token is predicted, but not read.
            const auto excess = static_cast<std::int64_t>(pair.tokens.size()) - (task_.length + 1);
            if (excess > 0) {
                pair.tokens.erase(pair.tokens.begin(), pair.tokens.begin() + excess);
                ++shortened;
            }
            item.choices.push_back(std::move(pair));
            item.characters.push_back(characters_in(written.choices[c]));
        }
        task_.items.push_back(std::move(item));
        task_.shortened += shortened;
    }

    ChoiceTask take() { return std::move(task_); }
    bool is_empty() const { return task_.items.empty(); }

  private:
    const Catalogue& catalogue_;
    ContextEncoder encoder_;
    ChoiceTask task_;
};

}  // namespace

static void visit_fields(auto& bytes, support::FieldsOf<Continuation> auto& pair) {
    bytes(pair.tokens, pair.scored);
}

static void visit_fields(auto& bytes, support::FieldsOf<ChoiceItem> auto& item) {
    bytes(item.choices, item.characters, item.answers);
}

static void visit_fields(auto& bytes, support::FieldsOf<ChoiceTask> auto& task) {
    bytes(task.items, task.shortened, task.length);
}

ChoiceTask read_choice_task(const std::filesystem::path& path, const Catalogue& catalogue,
                            std::optional<std::int64_t> length) {
    const std::string text = support::read_text(path, kLargestFile);
    require_utf8(text, path.string());
    TaskReader reader(catalogue, longest_input(catalogue, length));
    support::FaultList faults;
    std::size_t wrong = 0;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size() && wrong < kMostFaults;) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        try {
            reader.add(line, path.string() + ", line " + std::to_string(number));
        } catch (const support::Error& error) {
            faults.add(error);
            ++wrong;
        }
    }
    faults.throw_if_any();
    if (reader.is_empty()) {
        throw kNoItems(path.string());
    }
    return reader.take();
}

std::string bytes_of(const ChoiceTask& task) {
    support::ByteWriter bytes;
    bytes(task);
    return bytes.take();
}

ChoiceTask choice_task_in(std::string_view bytes) {
    return support::ByteReader(bytes).get<ChoiceTask>();
}

}  // namespace alphaprune::model
