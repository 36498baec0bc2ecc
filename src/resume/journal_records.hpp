#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/formats/record_log.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/resume/journal.hpp"

namespace alphaprune::resume {

/// What a record of the journal is about.
enum class RecordKind : std::uint64_t {
    spectrum = 1,
    farms,
    outliers,
    note,
    rows,
    perplexity,
    state,  ///< in files of their own
};

using Payload = std::string;

// Matrices go by the names of their tensors, tensors by their number (the model is the same).
Payload spectrum_payload(const std::string& name, const spectrum::MatrixSpectrum& spectrum,
                         std::span<const double> eigenvalues);
Payload farms_payload(const std::string& name, double alpha);
Payload outliers_payload(int block, double share);
Payload note_payload(int block, const std::string& note);
Payload rows_payload(std::span<const WrittenRows> rows);
Payload perplexity_payload(const KnownPerplexity& perplexity);
/// A sequence's states as they are: number of the sequence, then the values.
Payload state_payload(std::int64_t sequence, std::span<const float> values);
/// Bytes of a state's payload before the values.
inline constexpr std::uint64_t kStateHead = 2 * sizeof(std::uint64_t);

/// A sequence of hidden states in a file.
struct FoundState {
    StatePass pass{};
    int block = 0;
    std::int64_t sequence = 0;
    SavedState state;
};

/// Everything that small records of some ranks say, before it is merged.
struct RecordedFacts {
    std::vector<FoundState> states;
    std::vector<std::string> damage;
    std::vector<std::pair<std::string, double>> farms;  ///< by name of the matrix
    std::vector<std::pair<int, double>> outliers;
    std::vector<std::pair<int, std::string>> notes;
    std::vector<WrittenRows> rows;
    std::vector<KnownPerplexity> perplexities;
};

/// A matrix by name with its spectrum.
struct NamedSpectrum {
    std::string name;
    KnownSpectrum known;
};

/// Takes a record in. A spectrum is returned, anything else goes to the facts.
/// @throws Error (bad_request) when the record does not hold what its kind says
std::optional<NamedSpectrum> read_record(const formats::Record& record, RecordedFacts& facts);

/// The number of a state record's sequence; nothing when it is not one.
std::optional<std::int64_t> sequence_of(const formats::Record& record);

/// For the journey between ranks.
std::string packed(const RecordedFacts& facts);
void unpack_into(RecordedFacts& facts, const std::string& text);

}  // namespace alphaprune::resume
