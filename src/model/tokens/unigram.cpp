#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "tokens/byte_trie.hpp"
#include "tokens/token_model.hpp"
#include "tokens/unicode_text.hpp"
#include "tokens/word_cache.hpp"

namespace alphaprune::model {
namespace {

/// By how much an unknown character is worse than the worst token.
constexpr double kUnknownPenalty = 10;

struct ScoredVocabulary {
    std::unordered_map<std::string, std::int32_t> ids;
    ByteTrie tokens;
    std::vector<double> scores;  ///< by id
    double lowest = std::numeric_limits<double>::infinity();
    std::optional<std::int32_t> unknown;
    bool falls_back_to_bytes = false;
};

class UnigramEncoder : public TokenModel {
  public:
    UnigramEncoder(ScoredVocabulary read, std::string where)
        : model_(std::move(read)), where_(std::move(where)) {}

    void encode(std::string_view piece, std::vector<std::int32_t>& ids) override {
        cache_.append(piece, ids,
                      [&](std::string_view whole, auto& out) { encode_whole(whole, out); });
    }
    std::optional<std::int32_t> id_of(const std::string& token) const override {
        const auto found = model_.ids.find(token);
        return found == model_.ids.end() ? std::nullopt : std::optional(found->second);
    }
    std::size_t vocabulary_size() const override { return model_.scores.size(); }

  private:
    /// The best way to a place in the text.
    struct Way {
        double score = 0;
        std::int32_t token = kNowhere;  ///< the last one
        std::uint32_t begin = 0;        ///< where that begins
    };
    static constexpr std::int32_t kNowhere = -1;

    void improve(std::size_t begin, std::size_t end, std::int32_t token, double score) {
        Way& way = ways_[end];
        const double total = score + ways_[begin].score;
        if (way.token == kNowhere || total > way.score) {
            way = {total, token, static_cast<std::uint32_t>(begin)};
        }
    }

    void find_best_ways(std::string_view text) {
        ways_.assign(text.size() + 1, {});
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t character = character_bytes(text[at]);
            bool known = false;
            model_.tokens.for_each_prefix(
                text.substr(at), [&](std::size_t length, std::int32_t token) {
                    improve(at, at + length, token, model_.scores[static_cast<std::size_t>(token)]);
                    known = known || length == character;
                });
            if (!known) {
                if (!model_.unknown) {
                    refuse_unknown(text.substr(at, character), where_);
                }
                improve(at, at + character, *model_.unknown, model_.lowest - kUnknownPenalty);
            }
            at += character;
        }
    }

    void encode_whole(std::string_view text, std::vector<std::int32_t>& ids) {
        find_best_ways(text);
        pieces_.clear();
        bool unknown_behind = false;
        for (std::size_t end = text.size(); end > 0;) {
            const Way& way = ways_[end];
            const bool unknown = way.token == model_.unknown;
            if (unknown && unknown_behind) {
                const std::string_view behind = pieces_.back();
                pieces_.back() = text.substr(way.begin, end - way.begin + behind.size());
            } else {
                pieces_.push_back(text.substr(way.begin, end - way.begin));
            }
            unknown_behind = unknown;
            end = way.begin;
        }
        std::for_each(pieces_.rbegin(), pieces_.rend(),
                      [&](std::string_view piece) { append_ids(std::string(piece), ids); });
    }

    /// What is unknown together may be a token, its bytes may be tokens, or it is unknown.
    void append_ids(const std::string& piece, std::vector<std::int32_t>& ids) const {
        if (const auto whole = id_of(piece)) {
            ids.push_back(*whole);
            return;
        }
        if (model_.falls_back_to_bytes) {
            const std::size_t before = ids.size();
            for (const char byte : piece) {
                if (const auto id = id_of(byte_token(static_cast<unsigned char>(byte)))) {
                    ids.push_back(*id);
                }
            }
            if (ids.size() - before == piece.size()) {
                return;
            }
            ids.resize(before);
        }
        ids.push_back(*model_.unknown);  // known to be there: find_best_ways
    }

    ScoredVocabulary model_;
    std::string where_;
    WordCache cache_;
    std::vector<Way> ways_;
    std::vector<std::string_view> pieces_;
};

/// The number that the library has for a score, up to a bit off the nearest: serde_json takes the
/// digits as one integer and divides it by a power of ten. Sums of the same scores in another order
/// are compared, so that this bit decides. The digits are the fewest that mean the number, as which
/// the library writes it.
double as_the_library_reads(double score) {
    std::array<char, 40> shortest{};
    const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(),
                                   std::abs(score), std::chars_format::scientific);
    std::uint64_t digits = 0;
    int decimals = 0;
    const char* at = shortest.data();
    for (bool behind_point = false; at < end.ptr && *at != 'e'; ++at) {
        if (*at == '.') {
            behind_point = true;
        } else {
            digits = 10 * digits + static_cast<std::uint64_t>(*at - '0');
            decimals += behind_point ? 1 : 0;
        }
    }
    const int exponent = std::atoi(at + 1) - decimals;
    const int most = std::numeric_limits<double>::max_exponent10;
    if (std::abs(exponent) > most) {
        return score;
    }
    const double power = std::strtod(fmt::format("1e{}", std::abs(exponent)).c_str(), nullptr);
    const auto whole = static_cast<double>(digits);
    return std::copysign(exponent < 0 ? whole / power : whole * power, score);
}

void read_scores(const TokenizerPart& part, ScoredVocabulary& model) {
    const formats::Json& list = part.at("vocab");
    if (!list.is_array() || list.elements().size() > std::numeric_limits<std::int32_t>::max()) {
        part.damaged("'vocab' is not a list");
    }
    std::int32_t id = 0;
    for (const formats::Json& entry : list.elements()) {
        const auto& values = entry.elements();
        const std::optional<std::string> token =
            values.size() == 2 ? values[0].as_string() : std::nullopt;
        const std::optional<double> score =
            values.size() == 2 ? values[1].as_number() : std::nullopt;
        if (!token || !score || !std::isfinite(*score)) {
            part.damaged("an entry of 'vocab' is not a token with its score");
        }
        model.ids[*token] = id;
        model.tokens.add(*token, id);
        model.scores.push_back(as_the_library_reads(*score));
        model.lowest = std::min(model.lowest, model.scores.back());
        ++id;
    }
}

}  // namespace

std::unique_ptr<TokenModel> read_unigram(const TokenizerPart& part) {
    part.allow({"unk_id", "vocab", "byte_fallback"});
    ScoredVocabulary model;
    read_scores(part, model);
    model.falls_back_to_bytes = part.flag_or("byte_fallback", false);
    if (part.find("unk_id") != nullptr) {
        model.unknown = part.id("unk_id");
        if (static_cast<std::size_t>(*model.unknown) >= model.scores.size()) {
            part.damaged("'unk_id' is not in the vocabulary");
        }
    }
    return std::make_unique<UnigramEncoder>(std::move(model), part.where());
}

}  // namespace alphaprune::model
