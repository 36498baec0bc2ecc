#include "tokens/post_processors.hpp"

#include <fmt/format.h>

#include "tokens/tokenizer_part.hpp"

namespace alphaprune::model {
namespace {

constexpr int kDeepestPostProcessor = 16;
/// That a template may have, which for a model of language has one or two.
constexpr std::size_t kLongestTemplate = 1000;

void add_special_tokens(const TokenizerPart& part, const std::string& name,
                        SequenceTemplate& tokens) {
    const TokenizerPart special = part.part("special_tokens").part(name);
    special.allow({"id", "ids", "tokens"});
    const formats::Json& ids = special.at("ids");
    if (!ids.is_array()) {
        special.damaged("'ids' is not a list");
    }
    for (const formats::Json& id : ids.elements()) {
        tokens.push_back(token_id(id));
        if (!tokens.back()) {
            special.damaged("'ids' has what is not an id");
        }
    }
}

SequenceTemplate sequence_template(const TokenizerPart& part) {
    part.allow({"single", "pair", "special_tokens"});
    SequenceTemplate tokens;
    int sequences = 0;
    for (const TokenizerPart& piece : part.parts("single")) {
        piece.allow({"Sequence", "SpecialToken"});
        if (piece.find("Sequence") == nullptr) {
            add_special_tokens(part, piece.part("SpecialToken").text("id"), tokens);
        } else if (piece.part("Sequence").text("id") == "A") {
            tokens.emplace_back();
            ++sequences;
        } else {
            piece.refuse_option("Sequence");
        }
    }
    if (sequences != 1 || tokens.size() > kLongestTemplate) {
        part.refuse_option("single");
    }
    return tokens;
}

void add_post_processors(const TokenizerPart& part, int depth, std::vector<SequenceTemplate>& all) {
    const std::string type = part.type();
    if (type == "TemplateProcessing") {
        all.push_back(sequence_template(part));
    } else if (type == "Sequence") {
        part.allow({"processors"});
        if (depth >= kDeepestPostProcessor) {
            part.refuse_option("processors");
        }
        for (const TokenizerPart& inner : part.parts("processors")) {
            add_post_processors(inner, depth + 1, all);
        }
    } else if (type != "ByteLevel") {  // which concerns offsets alone
        part.refuse_type();
    }
}

}  // namespace

std::vector<SequenceTemplate> read_post_processors(const formats::Json* value,
                                                   const std::string& where) {
    std::vector<SequenceTemplate> all;
    if (value != nullptr && !value->is_null()) {
        add_post_processors(TokenizerPart(*value, "post_processor", where), 0, all);
    }
    return all;
}

std::vector<std::int32_t> fill(const std::vector<SequenceTemplate>& templates,
                               std::vector<std::int32_t> ids) {
    for (const SequenceTemplate& wanted : templates) {
        std::vector<std::int32_t> filled;
        for (const std::optional<std::int32_t>& token : wanted) {
            if (token) {
                filled.push_back(*token);
            } else {
                filled.insert(filled.end(), ids.begin(), ids.end());
            }
        }
        ids = std::move(filled);
    }
    return ids;
}

}  // namespace alphaprune::model
