#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "tokens/merging.hpp"
#include "tokens/token_model.hpp"
#include "tokens/unicode_text.hpp"
#include "tokens/word_cache.hpp"

namespace alphaprune::model {
namespace {

constexpr std::int32_t kNoToken = -1;

/// What tokenizer.json says of a byte-pair encoding.
struct PairEncoding {
    std::unordered_map<std::string, std::int32_t> vocabulary;
    Merges merges;
    /// Characters that stand side by side in some token that a merge makes: nothing is ever merged
    /// across other neighbours.
    NumberTable<char> joined;
    std::vector<std::int32_t> characters;   ///< tokens of one character, by code point; or kNoToken
    std::array<std::int32_t, 256> bytes{};  ///< tokens that stand for bytes; or kNoToken
    std::int32_t unknown = kNoToken;
    bool has_unknown = false;  ///< a name of it, that is
    bool fuses_unknown = false;
    bool falls_back_to_bytes = false;
    bool ignores_merges = false;  ///< of pieces that are tokens
    /// Whether a token that stands for a byte, or for what is unknown, has merges.
    bool merges_bytes = false;
};

class PairEncoder : public TokenModel {
  public:
    PairEncoder(PairEncoding read, std::string where)
        : model_(std::move(read)), where_(std::move(where)) {}

    void encode(std::string_view piece, std::vector<std::int32_t>& ids) override {
        if (piece.size() <= kShortPiece) {
            pieces_.append(piece, ids, [&](std::string_view whole, auto& out) {
                if (!encode_as_one(whole, out)) {
                    encode_part(whole, out);
                }
            });
        } else if (!encode_as_one(piece, ids)) {
            while (!piece.empty()) {
                const std::size_t length = part_length(piece);
                parts_.append(piece.substr(0, length), ids,
                              [&](std::string_view part, auto& out) { encode_part(part, out); });
                piece.remove_prefix(length);
            }
        }
    }
    std::optional<std::int32_t> id_of(const std::string& token) const override {
        const auto found = model_.vocabulary.find(token);
        return found == model_.vocabulary.end() ? std::nullopt : std::optional(found->second);
    }
    std::size_t vocabulary_size() const override { return model_.vocabulary.size(); }

  private:
    static constexpr std::size_t kShortPiece = 64;

    bool encode_as_one(std::string_view piece, std::vector<std::int32_t>& ids) const {
        const auto whole = model_.ignores_merges ? id_of(std::string(piece)) : std::nullopt;
        if (whole) {
            ids.push_back(*whole);
        }
        return whole.has_value();
    }

    std::int32_t token_of(char32_t character) const {
        return character < model_.characters.size() ? model_.characters[character] : kNoToken;
    }

    /// Bytes up to where nothing is merged across: pieces may be long, texts without any
    /// pre-tokenizer being one, but their words come again and again.
    std::size_t part_length(std::string_view piece) const {
        if (model_.merges_bytes) {
            return piece.size();
        }
        char32_t left = first_character(piece);
        bool left_known = token_of(left) != kNoToken;
        std::size_t at = character_bytes(piece[0]);
        while (at < piece.size()) {
            const char32_t right = first_character(piece.substr(at));
            const bool right_known = token_of(right) != kNoToken;
            if (!right_known && !model_.has_unknown) {  // it may leave no trace between the others
                at += character_bytes(piece[at]);
                continue;
            }
            if (right_known && !(left_known && model_.joined.find(left, right) != nullptr)) {
                return at;
            }
            left = right;
            left_known = right_known;
            at += character_bytes(piece[at]);
        }
        return at;
    }

    void encode_part(std::string_view part, std::vector<std::int32_t>& ids) {
        tokens_.clear();
        bool waiting = false;  // a token for something unknown
        const auto add_unknown = [&] {
            if (waiting) {
                tokens_.push_back(model_.unknown);
            }
            waiting = false;
        };
        for (std::size_t at = 0; at < part.size();) {
            const std::string_view bytes = part.substr(at, character_bytes(part[at]));
            at += bytes.size();
            const std::int32_t token = token_of(first_character(bytes));
            if (token != kNoToken) {
                add_unknown();
                tokens_.push_back(token);
            } else if (!(model_.falls_back_to_bytes && add_bytes(bytes)) && model_.has_unknown) {
                if (model_.unknown == kNoToken) {
                    refuse_unknown(bytes, where_);
                }
                if (!model_.fuses_unknown) {
                    add_unknown();
                }
                waiting = true;
            }
        }
        add_unknown();
        merger_.merge(model_.merges, tokens_);
        ids.insert(ids.end(), tokens_.begin(), tokens_.end());
    }

    /// The tokens of a character's bytes, where there is one for each.
    bool add_bytes(std::string_view bytes) {
        const auto token = [&](char byte) {
            return model_.bytes[static_cast<unsigned char>(byte)];
        };
        if (std::ranges::any_of(bytes, [&](char byte) { return token(byte) == kNoToken; })) {
            return false;
        }
        std::ranges::transform(bytes, std::back_inserter(tokens_), token);
        return true;
    }

    PairEncoding model_;
    std::string where_;
    WordCache pieces_;
    WordCache parts_;  ///< of long pieces
    Merger merger_;
    std::vector<std::int32_t> tokens_;
};

void read_vocabulary(const TokenizerPart& part, PairEncoding& model) {
    const formats::Json& vocabulary = part.at("vocab");
    if (!vocabulary.is_object()) {
        part.damaged("'vocab' is not an object");
    }
    std::unordered_set<std::int32_t> ids;
    model.vocabulary.reserve(vocabulary.members().size());
    for (const auto& [token, value] : vocabulary.members()) {
        const std::optional<std::int32_t> id = token_id(value);
        if (!id) {
            part.damaged(fmt::format("the token '{}' has no id", token));
        }
        if (!ids.insert(*id).second) {
            part.damaged(fmt::format("the token '{}' has the id {} of another one", token, *id));
        }
        model.vocabulary.emplace(token, *id);
        if (!token.empty() && character_bytes(token[0]) == token.size()) {
            const char32_t character = first_character(token);
            if (character >= model.characters.size()) {
                model.characters.resize(character + 1, kNoToken);
            }
            model.characters[character] = *id;
        }
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        const auto found = model.vocabulary.find(byte_token(static_cast<unsigned char>(byte)));
        model.bytes[byte] = found == model.vocabulary.end() ? kNoToken : found->second;
    }
}

/// The two sides of a merge: a list of two, or a text with a space in between.
std::optional<std::pair<std::string, std::string>> sides_of(const formats::Json& merge) {
    if (const std::optional<std::string> text = merge.as_string()) {
        const std::size_t space = text->find(' ');
        if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos) {
            return std::nullopt;
        }
        return std::pair(text->substr(0, space), text->substr(space + 1));
    }
    const auto& sides = merge.elements();
    if (sides.size() != 2 || !sides[0].is_string() || !sides[1].is_string()) {
        return std::nullopt;
    }
    return std::pair(*sides[0].as_string(), *sides[1].as_string());
}

bool is_comment(const formats::Json& merge) {
    const std::optional<std::string> text = merge.as_string();
    return text && text->starts_with("#version");
}

void read_merges(const TokenizerPart& part, PairEncoding& model) {
    const formats::Json& list = part.at("merges");
    if (!list.is_array() || list.elements().size() > std::numeric_limits<std::uint32_t>::max()) {
        part.damaged("'merges' is not a list");
    }
    const auto token = [&](const std::string& text) {
        const auto found = model.vocabulary.find(text);
        if (found == model.vocabulary.end()) {
            part.damaged(fmt::format("'{}', of a merge, is not in the vocabulary", text));
        }
        return found->second;
    };
    std::unordered_set<std::int32_t> special{model.unknown};
    if (model.falls_back_to_bytes) {
        special.insert(model.bytes.begin(), model.bytes.end());
    }
    special.erase(kNoToken);
    const auto is_special = [&](std::int32_t id) { return special.count(id) != 0; };
    std::uint32_t rank = 0;
    for (const formats::Json& merge : list.elements()) {
        if (is_comment(merge)) {
            continue;
        }
        const auto sides = sides_of(merge);
        if (!sides || sides->first.empty() || sides->second.empty()) {
            part.damaged(fmt::format("merge {} is not one of two tokens", rank));
        }
        const std::string& left = sides->first;
        const std::string& right = sides->second;
        const std::array ids{token(left), token(right), token(left + right)};
        model.merges.add(ids[0], ids[1], {rank++, ids[2]});
        model.joined.add(first_character(std::string_view(left).substr(last_character_at(left))),
                         first_character(right), 1);
        model.merges_bytes = model.merges_bytes || std::ranges::any_of(ids, is_special);
    }
}

}  // namespace

std::unique_ptr<TokenModel> read_bpe(const TokenizerPart& part) {
    part.allow({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    if (const formats::Json* dropout = part.find("dropout");
        dropout != nullptr && dropout->as_number() != 0.0) {
        part.refuse_option("dropout");
    }
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!part.text_or(affix, "").empty()) {
            part.refuse_option(affix);
        }
    }
    PairEncoding model;
    model.fuses_unknown = part.flag_or("fuse_unk", false);
    model.falls_back_to_bytes = part.flag_or("byte_fallback", false);
    model.ignores_merges = part.flag_or("ignore_merges", false);
    read_vocabulary(part, model);
    model.has_unknown = part.find("unk_token") != nullptr;
    if (model.has_unknown) {
        const auto unknown = model.vocabulary.find(part.text("unk_token"));
        model.unknown = unknown == model.vocabulary.end() ? kNoToken : unknown->second;
    }
    read_merges(part, model);
    return std::make_unique<PairEncoder>(std::move(model), part.where());
}

}  // namespace alphaprune::model
