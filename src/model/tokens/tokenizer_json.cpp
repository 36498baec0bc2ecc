#include "tokens/tokenizer_json.hpp"

#include <optional>

#include "tokens/added_tokens.hpp"
#include "tokens/normalizers.hpp"
#include "tokens/post_processors.hpp"
#include "tokens/pre_tokenizers.hpp"
#include "tokens/token_model.hpp"
#include "tokens/tokenizer_part.hpp"

namespace alphaprune::model {

struct JsonTokenizer::Pipeline {
    std::unique_ptr<TokenModel> model;
    Normalizers normalizers;
    AddedTokens added_tokens;
    PreTokenizers pre_tokenizers;
    std::vector<SequenceTemplate> templates;

    /// Encodes what is between the added tokens that are found in the text as it is.
    void encode(std::string_view part, bool at_beginning, std::vector<std::int32_t>& ids) const {
        std::string text(part);
        normalizers.apply(text);
        if (text.empty()) {
            return;
        }
        added_tokens.normalized.split(text, [&](std::string_view inner, auto id) {
            if (id) {
                ids.push_back(*id);
            } else {
                pre_tokenizers.split(inner, at_beginning && inner.data() == text.data(),
                                     [&](std::string_view piece) { model->encode(piece, ids); });
            }
        });
    }
};

JsonTokenizer::JsonTokenizer(std::string_view text, const std::string& where) {
    const formats::Json json = formats::Json::parse(text, where);
    const TokenizerPart whole(json, "", where);
    whole.allow({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                 "post_processor", "decoder", "model"});
    if (whole.text_or("version", "1.0") != "1.0") {
        whole.refuse_option("version");
    }
    Normalizers normalizers = read_normalizers(whole.find("normalizer"), where);
    PreTokenizers pre_tokenizers =
        read_pre_tokenizers(whole.find("pre_tokenizer"), normalizers.keeps_beginning, where);
    std::vector<SequenceTemplate> templates =
        read_post_processors(whole.find("post_processor"), where);
    std::unique_ptr<TokenModel> model = read_token_model(whole.part("model"));
    AddedTokens added_tokens = read_added_tokens(whole, *model, normalizers);
    pipeline_ = std::make_unique<Pipeline>(
        Pipeline{std::move(model), std::move(normalizers), std::move(added_tokens),
                 std::move(pre_tokenizers), std::move(templates)});
}

JsonTokenizer::~JsonTokenizer() = default;
JsonTokenizer::JsonTokenizer(JsonTokenizer&&) noexcept = default;

std::vector<std::int32_t> JsonTokenizer::encode(std::string_view text, bool special) {
    std::vector<std::int32_t> ids;
    const Pipeline& pipeline = *pipeline_;
    if (!text.empty()) {
        pipeline.added_tokens.plain.split(text, [&](std::string_view part, auto id) {
            if (id) {
                ids.push_back(*id);
            } else {
                pipeline.encode(part, part.data() == text.data(), ids);
            }
        });
    }
    return special ? fill(pipeline.templates, std::move(ids)) : ids;
}

}  // namespace alphaprune::model
