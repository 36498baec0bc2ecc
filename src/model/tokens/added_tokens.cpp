#include "tokens/added_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "tokens/unicode_classes.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {

void AddedTokenSearch::add(const AddedToken& token, std::string_view text) {
    texts_.add(text, static_cast<std::int32_t>(tokens_.size()));
    first_bytes_[static_cast<unsigned char>(text[0])] = true;
    tokens_.push_back(token);
    if (token.single_word && !word_) {
        word_.emplace("\\A" + word_expression(), where_);
    }
}

std::optional<std::size_t> AddedTokenSearch::find_at(std::string_view rest,
                                                     const AddedToken*& token) const {
    std::optional<std::size_t> longest;
    if (first_bytes_[static_cast<unsigned char>(rest[0])]) {
        texts_.for_each_prefix(rest, [&](std::size_t length, std::int32_t number) {
            longest = length;
            token = &tokens_[static_cast<std::size_t>(number)];
        });
    }
    return longest;
}

bool AddedTokenSearch::is_word_inside(std::string_view text, std::size_t begin,
                                      std::size_t end) const {
    const auto begins_with_word = [&](std::string_view rest) {
        return !rest.empty() &&
               word_->search(rest.substr(0, character_bytes(rest[0])), 0).has_value();
    };
    return (begin > 0 && begins_with_word(text.substr(last_character_at(text.substr(0, begin))))) ||
           begins_with_word(text.substr(end));
}

void AddedTokenSearch::split(std::string_view text, const Take& take) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
        const AddedToken* token = nullptr;
        const std::optional<std::size_t> length = find_at(text.substr(at), token);
        if (!length) {
            ++at;
            continue;
        }
        std::size_t begin = at;
        std::size_t end = at + *length;
        at = end;
        if (token->single_word && is_word_inside(text, begin, end)) {
            continue;
        }
        if (token->lstrip) {
            begin = std::max(begin - trailing_white_space(text.substr(0, begin)), done);
        }
        if (token->rstrip) {
            end += leading_white_space(text.substr(end));
        }
        if (done < begin) {
            take(text.substr(done, begin - done), std::nullopt);
        }
        // Of tokens that are white space, the one before may have taken all of this one along.
        if (begin < end) {
            take(text.substr(begin, end - begin), token->id);
        }
        done = end;
    }
    if (done != text.size()) {
        take(text.substr(done), std::nullopt);
    }
}

namespace {

AddedToken added_token_of(const TokenizerPart& part) {
    part.allow({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    token.content = part.text("content");
    token.id = part.id("id");
    token.single_word = part.flag("single_word");
    token.lstrip = part.flag("lstrip");
    token.rstrip = part.flag("rstrip");
    token.normalized = part.flag("normalized");
    return token;
}

}  // namespace

AddedTokens read_added_tokens(const TokenizerPart& tokenizer, const TokenModel& model,
                              const Normalizers& normalizers) {
    AddedTokens all{AddedTokenSearch(tokenizer.where()), AddedTokenSearch(tokenizer.where())};
    if (tokenizer.find("added_tokens") == nullptr) {
        return all;
    }
    std::unordered_set<std::string> contents;
    std::unordered_set<std::string> texts;
    auto next = static_cast<std::int64_t>(model.vocabulary_size());
    for (const TokenizerPart& part : tokenizer.parts("added_tokens")) {
        const AddedToken token = added_token_of(part);
        if (token.content.empty()) {  // which the library passes over
            continue;
        }
        if (!contents.insert(token.content).second) {
            part.damaged(fmt::format("'{}' is added twice", token.content));
        }
        const std::optional<std::int32_t> in_model = model.id_of(token.content);
        const std::int64_t id = in_model ? std::int64_t{*in_model} : next++;
        if (id != token.id) {
            part.damaged(fmt::format("'{}' has the id {}, but is token {} of the vocabulary",
                                     token.content, token.id, id));
        }
        std::string text = token.content;
        if (token.normalized) {
            normalizers.apply(text);
        }
        if (text.empty() || !texts.insert((token.normalized ? "n" : "p") + text).second) {
            part.damaged(fmt::format("'{}' cannot be told from another added token, or from none",
                                     token.content));
        }
        (token.normalized ? all.normalized : all.plain).add(token, text);
    }
    return all;
}

}  // namespace alphaprune::model
