#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/error.hpp"
#include "window_draw.hpp"

namespace alphaprune::model {
namespace {

constexpr std::int64_t kUsualLength = 2048;
/// Tokens that all sequences together may have.
constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;

std::int64_t tokens_in(const TokenFile& file) {
    return static_cast<std::int64_t>(file.ids.size());
}

std::int64_t default_length(const TokenFile& file, const Catalogue& catalogue) {
    if (file.sample_length > 0) {
        return file.sample_length;
    }
    const std::int64_t positions = catalogue.configuration.max_positions;
    return positions > 0 ? std::min(kUsualLength, positions) : kUsualLength;
}

/// At least one, so that a file without samples is told as such.
std::int64_t usual_count(const TokenFile& file) {
    const bool is_stream = file.sample_length == 0;
    return is_stream
               ? kUsualSequences
               : std::clamp<std::int64_t>(tokens_in(file) / file.sample_length, 1, kUsualSequences);
}

/// @param shortest  tokens that a sequence must have to be of use
void check_length(std::int64_t length, std::int64_t shortest, const TokenFile& file,
                  const Catalogue& catalogue, support::FaultList& faults) {
    const std::int64_t positions = catalogue.configuration.max_positions;
    if (length < shortest) {
        faults.add(fmt::format("sequences of {} tokens are too short", length), "--seqlen",
                   fmt::format("give --seqlen {} or more", shortest));
    }
    if (positions > 0 && length > positions) {
        faults.add(fmt::format("sequences of {} tokens are longer than the model's {} positions",
                               length, positions),
                   file.where, fmt::format("give --seqlen {} or less", positions));
    }
}

void check_count(std::int64_t count, std::int64_t length, support::FaultList& faults) {
    if (count < 1) {
        faults.add(fmt::format("{} calibration samples are too few", count), "--nsamples",
                   "give --nsamples 1 or more");
    } else if (length > 0 && count > kMostTokens / length) {
        faults.add(fmt::format("{} calibration samples of {} tokens are more than {} tokens", count,
                               length, kMostTokens),
                   "--nsamples", "give a smaller --nsamples; 128 is usual");
    }
}

void check_samples(const TokenFile& file, std::int64_t count, std::int64_t length,
                   support::FaultList& faults) {
    const std::int64_t samples = tokens_in(file) / file.sample_length;
    if (count > samples) {
        faults.add(fmt::format("the file has {} samples, {} are asked for", samples, count),
                   file.where,
                   samples > 0 ? fmt::format("give --nsamples {} or less", samples)
                               : "give a file with samples in it");
    }
    if (length > file.sample_length) {
        faults.add(fmt::format("the file's samples have {} tokens, {} are asked for",
                               file.sample_length, length),
                   file.where, fmt::format("give --seqlen {} or less", file.sample_length));
    }
}

void check_stream(const TokenFile& file, std::int64_t length, std::int64_t shortest,
                  support::FaultList& faults) {
    const std::int64_t tokens = tokens_in(file);
    if (tokens < length) {
        faults.add(
            fmt::format("the file has {} tokens, too few for a sequence of {}", tokens, length),
            file.where,
            tokens >= shortest ? fmt::format("give --seqlen {} or less, or more text", tokens)
                               : "give more text");
    }
}

void append(TokenSequences& sequences, const TokenFile& file, std::int64_t first) {
    const auto window = std::span(file.ids).subspan(static_cast<std::size_t>(first),
                                                    static_cast<std::size_t>(sequences.length));
    sequences.ids.insert(sequences.ids.end(), window.begin(), window.end());
}

}  // namespace

TokenSequences calibration_sequences(const TokenFile& file, const Catalogue& catalogue,
                                     std::optional<std::int64_t> asked_count,
                                     std::optional<std::int64_t> length, std::uint64_t seed) {
    const std::int64_t count = asked_count.value_or(usual_count(file));
    TokenSequences sequences{length.value_or(default_length(file, catalogue)), {}};
    support::FaultList faults;
    check_length(sequences.length, 1, file, catalogue, faults);
    check_count(count, sequences.length, faults);
    if (file.sample_length > 0) {
        check_samples(file, count, sequences.length, faults);
    } else {
        check_stream(file, sequences.length, 1, faults);
    }
    faults.throw_if_any();
    const auto starts = static_cast<std::uint64_t>(tokens_in(file) - sequences.length + 1);
    for (std::int64_t sample = 0; sample < count; ++sample) {
        append(sequences, file,
               file.sample_length > 0 ? sample * file.sample_length
                                      : static_cast<std::int64_t>(uniform_draw(
                                            seed, static_cast<std::uint64_t>(sample), starts)));
    }
    return sequences;
}

TokenSequences evaluation_windows(const TokenFile& file, const Catalogue& catalogue,
                                  std::optional<std::int64_t> length) {
    constexpr std::int64_t kShortest = 2;  // a window of one token predicts nothing
    TokenSequences windows{length.value_or(default_length(file, catalogue)), {}};
    support::FaultList faults;
    check_length(windows.length, kShortest, file, catalogue, faults);
    check_stream(file, windows.length, kShortest, faults);
    faults.throw_if_any();
    const std::int64_t whole = tokens_in(file) / windows.length * windows.length;
    windows.ids.assign(file.ids.begin(), file.ids.begin() + whole);
    return windows;
}

}  // namespace alphaprune::model
