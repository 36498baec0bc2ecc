#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/formats/record_log.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/bytes.hpp"

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
    fit,
    trial,
};

/// Bytes of a state's payload before the values: number of the sequence, how many values.
inline constexpr std::uint64_t kStateHead = 2 * sizeof(std::uint64_t);

/// A sequence of hidden states in a file.
struct FoundState {
    StatePass pass{};
    int block = 0;
    std::int64_t sequence = 0;
    SavedState state;
};

/// A matrix by name with what its pruner reached.
struct NamedFit {
    std::string name;
    pruning::Fit fit;
};

/// Everything that small records of some ranks say, before it is merged.
struct RecordedFacts {
    std::vector<FoundState> states;
    std::vector<std::string> damage;
    std::vector<std::pair<std::string, double>> farms;  ///< by name of the matrix
    std::vector<NamedFit> fits;
    std::vector<std::pair<int, double>> outliers;
    std::vector<std::pair<int, double>> trials;
    std::vector<std::pair<int, std::string>> notes;
    std::vector<WrittenRows> rows;
    std::vector<KnownPerplexity> perplexities;
};

/// A matrix by name with its spectrum.
struct NamedSpectrum {
    std::string name;
    KnownSpectrum known;
};

/// The solver that a record names. @throws Error (bad_request) when there is none of that name
linalg::Solver recorded_solver(const std::string& name);

// What the records hold. Matrices are identified by the names of their tensors, tensors by their
// number (the model is the same), solvers by name, independently of their numbers in the program.

void visit_fields(auto& bytes, support::FieldsOf<NamedSpectrum> auto& named) {
    auto& spectrum = named.known.spectrum;
    std::string solver(linalg::name_of(spectrum.solver));
    std::optional<std::string> failed_solver;
    if (spectrum.failed_solver) {
        failed_solver = linalg::name_of(*spectrum.failed_solver);
    }
    bytes(named.name, spectrum.metrics.values, solver, failed_solver, spectrum.in_single,
          spectrum.group_ranks, spectrum.seconds, named.known.eigenvalues);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(named)>>) {
        spectrum.solver = recorded_solver(solver);
        if (failed_solver) {
            spectrum.failed_solver = recorded_solver(*failed_solver);
        }
    }
}

void visit_fields(auto& bytes, support::FieldsOf<WrittenRows> auto& written) {
    bytes(written.tensor, written.rows.begin, written.rows.end, written.part.checksum,
          written.part.zeros);
}

void visit_fields(auto& bytes, support::FieldsOf<NamedFit> auto& named) {
    bytes(named.name, named.fit.iterations, named.fit.relative_error);
}

void visit_fields(auto& bytes, support::FieldsOf<KnownPerplexity> auto& perplexity) {
    bytes(perplexity.pruned, perplexity.text, perplexity.value, perplexity.seqlen,
          perplexity.windows);
}

/// Takes a record in. A spectrum is returned, anything else goes to the facts.
/// @throws Error (bad_request) when the record does not hold what its kind says
std::optional<NamedSpectrum> read_record(const formats::Record& record, RecordedFacts& facts);

/// The number of a state record's sequence. @throws Error (bad_request) when it is no such record
std::int64_t sequence_of(const formats::Record& record);

/// As bytes, to be exchanged between ranks.
std::string packed(const RecordedFacts& facts);
void unpack_into(RecordedFacts& facts, const std::string& text);

/// What the files of a journal hold. Collective: the files are distributed over the ranks, and all
/// ranks get the results. Damaged records are passed over, with all that follow in their files, and
/// named in `damage`.
/// @throws Error on all ranks when a file cannot be read
/// @param run        the run the files must belong to
/// @param sequences  calibration sequences of the run
EarlierResults read_earlier_results(const parallel::Communicator& ranks,
                                    const model::Catalogue& catalogue,
                                    const std::filesystem::path& journal, std::uint64_t run,
                                    std::int64_t sequences);

/// The tensors all of whose rows are among these: for each, the sum over some records that cover
/// every row once.
std::vector<std::optional<pruning::PrunedTensor>> complete_tensors(
    const model::Catalogue& catalogue, std::vector<WrittenRows> rows);

}  // namespace alphaprune::resume
