#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Token ids as they come out of a file: one stream, or samples of equal length.
struct TokenFile {
    std::vector<std::int32_t> ids;
    std::int64_t sample_length = 0;  ///< 0: one stream
    std::string where = {};          ///< the file's path, for messages
};

/// Reads token ids from a .npy file (uint16, int32 or int64; one dimension: a stream, two: samples
/// × seqlen), or encodes UTF-8 text (any other name) with the model's tokenizer.json: the
/// ids of the whole text with special tokens, as the library `tokenizers` gives them. Of a model
/// without one, with its SentencePiece tokenizer.model, the beginning-of-sequence token first when
/// the tokenizer has one and tokenizer_config.json does not turn it off.
/// @throws Error (bad_request): unreadable, ids outside the model's vocabulary (named with their
///         position and count), no tokenizer, a tokenizer.json
///         that is not understood, text that is not UTF-8
TokenFile read_tokens(const std::filesystem::path& path, const Catalogue& catalogue);

/// What is taken from a token file: sequences of equal length, one after another.
struct TokenSequences {
    std::int64_t length = 0;        ///< tokens of one sequence
    std::vector<std::int32_t> ids;  ///< count() × length

    std::int64_t count() const {
        return length == 0 ? 0 : static_cast<std::int64_t>(ids.size()) / length;
    }
    std::span<const std::int32_t> sequence(std::int64_t index) const {
        return std::span(ids).subspan(static_cast<std::size_t>(index * length),
                                      static_cast<std::size_t>(length));
    }
};

/// How many calibration sequences are taken by default.
inline constexpr std::int64_t kUsualSequences = 128;

/// The calibration sequences. Samples: the first `count` of them, cut to `length`. A stream:
/// `count` windows whose starts are drawn by a counter-based generator from `seed` alone
/// (docs/methods.md), so that the same request gives the same tokens everywhere.
/// @param count   nothing: kUsualSequences, or all samples where a file has fewer
/// @param length  nothing: the samples' own length, or for a stream the smaller of 2048 and the
///                model's number of positions
/// @throws Error (bad_request) with every fault found: fewer samples than asked for, fewer tokens
///         than one window has, length beyond the model's positions, length or count < 1
TokenSequences calibration_sequences(const TokenFile& file, const Catalogue& catalogue,
                                     std::optional<std::int64_t> count,
                                     std::optional<std::int64_t> length, std::uint64_t seed);

/// The evaluation windows: consecutive, not overlapping; the tail that fills no window is dropped.
/// Samples are taken as one stream in order.
/// @throws Error (bad_request) as above, or when there is not one whole window, or a window has one
///         token alone, which predicts nothing
TokenSequences evaluation_windows(const TokenFile& file, const Catalogue& catalogue,
                                  std::optional<std::int64_t> length);

}  // namespace alphaprune::model
