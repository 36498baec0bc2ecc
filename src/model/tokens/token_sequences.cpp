#include "tokens/token_sequences.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "alphaprune/support/message.hpp"
#include "alphaprune/support/random_draw.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kShortSequences{
    "model.short-sequences", "sequences of {} tokens are too short",
    "--seqlen is less than can be computed with", "give --seqlen {1} or more"};

const support::BadRequest<std::int64_t, std::int64_t> kLongSequences{
    "model.long-sequences", "sequences of {} tokens are longer than the model's {} positions",
    "--seqlen is more than the model was made for", "give --seqlen {1} or less"};

const support::BadRequest<std::int64_t> kNoSamplesAsked{
    "model.no-samples-asked-for", "{} calibration samples are too few",
    "--nsamples is less than one", "give --nsamples 1 or more"};

const support::BadRequest<std::int64_t, std::int64_t, std::int64_t> kTooManyTokens{
    "model.too-many-tokens", "{} calibration samples of {} tokens are more than {} tokens",
    "--nsamples is far beyond what calibration profits from",
    "give a smaller --nsamples; 128 is usual"};

const support::BadRequest<std::int64_t> kNoSamples{
    "model.no-samples", "the file has 0 samples, {} are asked for", "the array has no rows",
    "give a file with samples in it"};

const support::BadRequest<std::int64_t, std::int64_t> kFewSamples{
    "model.few-samples", "the file has {} samples, {} are asked for",
    "--nsamples is more than the file has",
    "give --nsamples {0} or less, or a file with more samples"};

const support::BadRequest<std::int64_t, std::int64_t> kShortSamples{
    "model.short-samples", "the file's samples have {} tokens, {} are asked for",
    "--seqlen is more than the file was made for", "give --seqlen {0} or less"};

const support::BadRequest<std::int64_t, std::int64_t> kShortText{
    "model.short-text", "the file has {} tokens, too few for a sequence of {}",
    "the text is shorter than --seqlen",
    "give more text, or a --seqlen of at most the tokens that it has"};

constexpr std::int64_t kUsualLength = 2048;
/// Tokens that all sequences together may have.
constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;

std::int64_t tokens_in(const TokenFile& file) {
    return static_cast<std::int64_t>(file.ids.size());
}

/// @param shortest  tokens that a sequence must have to be of use
/// @param where     what the length is of, for errors
void check_length(std::int64_t length, std::int64_t shortest, const std::string& where,
                  const Catalogue& catalogue, support::FaultList& faults) {
    const std::int64_t positions = catalogue.configuration.max_positions;
    if (length < shortest) {
        faults.add(kShortSequences("--seqlen", length, shortest));
    }
    // The dynamic rotary embedding stretches with the sequence.
    const bool stretches = catalogue.configuration.rope.type == "dynamic";
    if (positions > 0 && length > positions && !stretches) {
        faults.add(kLongSequences(where, length, positions));
    }
}

void check_samples(const TokenFile& file, std::int64_t count, std::int64_t length,
                   support::FaultList& faults) {
    const std::int64_t samples = tokens_in(file) / file.sample_length;
    if (count > samples) {
        faults.add(samples > 0 ? kFewSamples(file.where, samples, count)
                               : kNoSamples(file.where, count));
    }
    if (length > file.sample_length) {
        faults.add(kShortSamples(file.where, file.sample_length, length));
    }
}

void check_stream(const TokenFile& file, std::int64_t length, support::FaultList& faults) {
    if (tokens_in(file) < length) {
        faults.add(kShortText(file.where, tokens_in(file), length));
    }
}

void append(TokenSequences& sequences, const TokenFile& file, std::int64_t first) {
    const auto window = std::span(file.ids).subspan(static_cast<std::size_t>(first),
                                                    static_cast<std::size_t>(sequences.length));
    sequences.ids.insert(sequences.ids.end(), window.begin(), window.end());
}

}  // namespace

std::int64_t longest_input(const Catalogue& catalogue, std::optional<std::int64_t> length) {
    const std::int64_t positions = catalogue.configuration.max_positions;
    const std::int64_t longest = length.value_or(positions > 0 ? positions : kUsualLength);
    support::FaultList faults;
    check_length(longest, 1, "--seqlen", catalogue, faults);
    faults.throw_if_any();
    return longest;
}

std::int64_t most_sequences(const TokenFile& file) {
    return file.sample_length == 0
               ? std::numeric_limits<std::int64_t>::max()
               : std::max<std::int64_t>(tokens_in(file) / file.sample_length, 1);
}

std::int64_t default_length(const TokenFile& file, const Catalogue& catalogue) {
    if (file.sample_length > 0) {
        return file.sample_length;
    }
    const std::int64_t positions = catalogue.configuration.max_positions;
    return positions > 0 ? std::min(kUsualLength, positions) : kUsualLength;
}

void check_count(std::int64_t count, std::int64_t length, support::FaultList& faults) {
    if (count < 1) {
        faults.add(kNoSamplesAsked("--nsamples", count));
    } else if (length > 0 && count > kMostTokens / length) {
        faults.add(kTooManyTokens("--nsamples", count, length, kMostTokens));
    }
}

TokenSequences calibration_sequences(const TokenFile& file, const Catalogue& catalogue,
                                     std::optional<std::int64_t> asked_count,
                                     std::optional<std::int64_t> length, std::uint64_t seed) {
    const std::int64_t count =
        asked_count.value_or(std::min(most_sequences(file), kUsualSequences));
    TokenSequences sequences{length.value_or(default_length(file, catalogue)), {}};
    support::FaultList faults;
    check_length(sequences.length, 1, file.where, catalogue, faults);
    check_count(count, sequences.length, faults);
    if (file.sample_length > 0) {
        check_samples(file, count, sequences.length, faults);
    } else {
        check_stream(file, sequences.length, faults);
    }
    faults.throw_if_any();
    const auto starts = static_cast<std::uint64_t>(tokens_in(file) - sequences.length + 1);
    for (std::int64_t sample = 0; sample < count; ++sample) {
        append(sequences, file,
               file.sample_length > 0 ? sample * file.sample_length
                                      : static_cast<std::int64_t>(support::uniform_draw(
                                            seed, static_cast<std::uint64_t>(sample), starts)));
    }
    return sequences;
}

TokenSequences evaluation_windows(const TokenFile& file, const Catalogue& catalogue,
                                  std::optional<std::int64_t> length) {
    constexpr std::int64_t kShortest = 2;  // a window of one token predicts nothing
    TokenSequences windows{length.value_or(default_length(file, catalogue)), {}};
    support::FaultList faults;
    check_length(windows.length, kShortest, file.where, catalogue, faults);
    check_stream(file, windows.length, faults);
    faults.throw_if_any();
    const std::int64_t whole = tokens_in(file) / windows.length * windows.length;
    windows.ids.assign(file.ids.begin(), file.ids.begin() + whole);
    return windows;
}

}  // namespace alphaprune::model
