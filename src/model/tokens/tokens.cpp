#include "alphaprune/model/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "tokens/tokenizer.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::int64_t, std::size_t, std::int64_t, std::int64_t, std::string>
    kForeignIds{
        "model.foreign-ids",
        "{} of {} token ids are not in the model's vocabulary of {}; the first is {}, {} "
        "(counted from 0)",
        "the ids, or the tokenizer in the model's folder, belong to another model",
        "make the file with this model's tokenizer, or fetch the model's own tokenizer.json or "
        "tokenizer.model"};

const support::BadRequest<std::size_t, unsigned, std::ptrdiff_t> kNotUtf8{
    "model.text-not-utf8",
    "the text is not UTF-8: byte {} (0x{:02X}, in line {}) does not begin a character",
    "the file has another encoding, or is not a text",
    "convert it, for example with iconv -f ISO-8859-1 -t UTF-8; token ids belong in a file whose "
    "name ends in .npy"};

const support::BadRequest<std::uint64_t, std::uint64_t> kLongText{
    "model.text-too-long", "the text has {} bytes; at most {} are encoded",
    "encoding needs some hundred bytes of memory for each byte of text",
    "use a part of it, or give its token ids as a .npy file"};

constexpr std::uint64_t kLongestText = std::uint64_t{64} << 20;

/// What the ids of a file must lie below. A model of unknown vocabulary accepts all that fit.
std::int64_t vocabulary_of(const Catalogue& catalogue) {
    const std::int64_t known = catalogue.configuration.vocabulary;
    return known > 0 ? known : std::int64_t{std::numeric_limits<std::int32_t>::max()};
}

std::string position(std::int64_t token, std::int64_t sample_length) {
    return sample_length == 0
               ? fmt::format("token {}", token)
               : fmt::format("token {} of sample {}", token % sample_length, token / sample_length);
}

template <class Id>
void require_vocabulary(const std::vector<Id>& ids, std::int64_t sample_length,
                        std::int64_t vocabulary, const std::string& where) {
    const auto foreign = [&](Id id) { return id < 0 || std::int64_t{id} >= vocabulary; };
    const auto first = std::ranges::find_if(ids, foreign);
    if (first == ids.end()) {
        return;
    }
    throw kForeignIds(where, std::count_if(first, ids.end(), foreign), ids.size(), vocabulary,
                      *first, position(first - ids.begin(), sample_length));
}

TokenFile read_ids(const std::filesystem::path& path, const Catalogue& catalogue) {
    const formats::NpyTokens stored = formats::read_npy_tokens(path);
    TokenFile file;
    file.where = path.string();
    file.sample_length = stored.shape.size() == 2 ? stored.shape[1] : 0;
    require_vocabulary(stored.values, file.sample_length, vocabulary_of(catalogue), file.where);
    file.ids.assign(stored.values.begin(), stored.values.end());
    return file;
}

TokenFile read_and_encode(const std::filesystem::path& path, const Catalogue& catalogue) {
    TokenFile file;
    file.where = path.string();
    if (const std::uint64_t size = support::File::open_for_reading(path).size();
        size > kLongestText) {
        throw kLongText(file.where, size, kLongestText);
    }
    const std::string text = support::read_text(path, kLongestText);
    require_utf8(text, file.where);
    file.ids = encode_text(catalogue, text);
    require_vocabulary(file.ids, 0, vocabulary_of(catalogue), file.where);
    return file;
}

}  // namespace

void require_utf8(std::string_view text, const std::string& where) {
    const auto bad = first_not_utf8(text);
    if (!bad) {
        return;
    }
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
    throw kNotUtf8(where, *bad, static_cast<unsigned char>(text[*bad]), line);
}

void require_known_ids(const std::vector<std::int32_t>& ids, const Catalogue& catalogue,
                       const std::string& where) {
    require_vocabulary(ids, 0, vocabulary_of(catalogue), where);
}

TokenFile read_tokens(const std::filesystem::path& path, const Catalogue& catalogue) {
    return path.extension() == ".npy" ? read_ids(path, catalogue)
                                      : read_and_encode(path, catalogue);
}

}  // namespace alphaprune::model
