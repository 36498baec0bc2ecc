#include "journal_records.hpp"

#include <iterator>
#include <utility>

#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::pruning {

static void visit_fields(auto& bytes, support::FieldsOf<PrunedTensor> auto& tensor) {
    bytes(tensor.checksum, tensor.zeros);
}

}  // namespace alphaprune::pruning

namespace alphaprune::parallel {

static void visit_fields(auto& bytes, support::FieldsOf<RowRange> auto& rows) {
    bytes(rows.begin, rows.end);
}

}  // namespace alphaprune::parallel

namespace alphaprune::resume {

static void visit_fields(auto& bytes, support::FieldsOf<WrittenRows> auto& written) {
    bytes(written.tensor, written.rows, written.part);
}

static void visit_fields(auto& bytes, support::FieldsOf<KnownPerplexity> auto& perplexity) {
    bytes(perplexity.pruned, perplexity.text, perplexity.value, perplexity.seqlen,
          perplexity.windows);
}

static void visit_fields(auto& bytes, support::FieldsOf<FoundState> auto& found) {
    bytes(found.pass, found.block, found.sequence, found.state.file, found.state.place);
}

static void visit_fields(auto& bytes, support::FieldsOf<RecordedFacts> auto& facts) {
    bytes(facts.states, facts.damage, facts.farms, facts.outliers, facts.notes, facts.rows,
          facts.perplexities);
}

namespace {

constexpr const char* kDoneAgain = "nothing: what follows it in that file is done again";

const support::BadRequest<std::string> kUnknownSolver{
    "resume.unknown-solver", "a record names the unknown solver {}",
    "another version of the program wrote the journal", kDoneAgain};

const support::BadRequest<std::uint64_t> kUnknownRecord{
    "resume.unknown-record", "a record is of the unknown kind {}",
    "another version of the program wrote the journal", kDoneAgain};

const support::BadRequest<> kNoStates{"resume.no-states", "a record holds no hidden states",
                                      "another version of the program wrote the journal",
                                      kDoneAgain};

template <class... Values>
Payload payload_of(const Values&... values) {
    support::ByteWriter bytes;
    bytes(values...);
    return bytes.take();
}

linalg::Solver read_solver(const std::string& name) {
    const std::optional<linalg::Solver> solver = linalg::solver_named(name);
    if (!solver) {
        throw kUnknownSolver("", name);
    }
    return *solver;
}

/// Solvers are stored by name, independently of their numbers in the program.
NamedSpectrum read_spectrum(support::ByteReader& bytes) {
    NamedSpectrum named;
    spectrum::MatrixSpectrum& spectrum = named.known.spectrum;
    std::string solver;
    std::optional<std::string> failed_solver;
    bytes(named.name, spectrum.metrics.values, solver, failed_solver, spectrum.in_single,
          spectrum.group_ranks, spectrum.seconds, named.known.eigenvalues);
    spectrum.solver = read_solver(solver);
    if (failed_solver) {
        spectrum.failed_solver = read_solver(*failed_solver);
    }
    return named;
}

template <class Item>
void append(std::vector<Item>& items, std::vector<Item> more) {
    items.insert(items.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

}  // namespace

Payload spectrum_payload(const std::string& name, const spectrum::MatrixSpectrum& spectrum,
                         std::span<const double> eigenvalues) {
    std::optional<std::string> failed_solver;
    if (spectrum.failed_solver) {
        failed_solver = linalg::name_of(*spectrum.failed_solver);
    }
    return payload_of(name, spectrum.metrics.values, std::string(linalg::name_of(spectrum.solver)),
                      failed_solver, spectrum.in_single, spectrum.group_ranks, spectrum.seconds,
                      eigenvalues);
}

Payload farms_payload(const std::string& name, double alpha) {
    return payload_of(name, alpha);
}

Payload outliers_payload(int block, double share) {
    return payload_of(block, share);
}

Payload note_payload(int block, const std::string& note) {
    return payload_of(block, note);
}

Payload rows_payload(std::span<const WrittenRows> rows) {
    return payload_of(std::vector<WrittenRows>(rows.begin(), rows.end()));
}

Payload perplexity_payload(const KnownPerplexity& perplexity) {
    return payload_of(perplexity);
}

Payload state_payload(std::int64_t sequence, std::span<const float> values) {
    return payload_of(sequence, values);
}

std::optional<NamedSpectrum> read_record(const formats::Record& record, RecordedFacts& facts) {
    support::ByteReader bytes(record.payload);
    switch (static_cast<RecordKind>(record.kind)) {
        case RecordKind::spectrum:
            return read_spectrum(bytes);
        case RecordKind::farms:
            facts.farms.push_back(bytes.get<std::pair<std::string, double>>());
            return std::nullopt;
        case RecordKind::outliers:
            facts.outliers.push_back(bytes.get<std::pair<int, double>>());
            return std::nullopt;
        case RecordKind::note:
            facts.notes.push_back(bytes.get<std::pair<int, std::string>>());
            return std::nullopt;
        case RecordKind::rows:
            append(facts.rows, bytes.get<std::vector<WrittenRows>>());
            return std::nullopt;
        case RecordKind::perplexity:
            facts.perplexities.push_back(bytes.get<KnownPerplexity>());
            return std::nullopt;
        case RecordKind::state:
            break;
    }
    throw kUnknownRecord("", record.kind);
}

std::int64_t sequence_of(const formats::Record& record) {
    if (record.kind != static_cast<std::uint64_t>(RecordKind::state) ||
        record.payload.size() < kStateHead) {
        throw kNoStates("");
    }
    support::ByteReader bytes(record.payload);
    const auto sequence = bytes.get<std::int64_t>();
    const auto values = bytes.get<std::uint64_t>();
    if (values != (record.payload.size() - kStateHead) / sizeof(float)) {
        throw kNoStates("");
    }
    return sequence;
}

std::string packed(const RecordedFacts& facts) {
    return payload_of(facts);
}

void unpack_into(RecordedFacts& facts, const std::string& text) {
    auto arrived = support::ByteReader(text).get<RecordedFacts>();
    append(facts.states, std::move(arrived.states));
    append(facts.damage, std::move(arrived.damage));
    append(facts.farms, std::move(arrived.farms));
    append(facts.outliers, std::move(arrived.outliers));
    append(facts.notes, std::move(arrived.notes));
    append(facts.rows, std::move(arrived.rows));
    append(facts.perplexities, std::move(arrived.perplexities));
}

}  // namespace alphaprune::resume
