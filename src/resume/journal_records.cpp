#include "journal_records.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "alphaprune/support/message.hpp"

namespace alphaprune::resume {

static void visit_fields(auto& bytes, support::FieldsOf<FoundState> auto& found) {
    bytes(found.pass, found.block, found.sequence, found.state.file, found.state.place);
}

static void visit_fields(auto& bytes, support::FieldsOf<RecordedFacts> auto& facts) {
    bytes(facts.states, facts.damage, facts.farms, facts.outliers, facts.notes, facts.rows,
          facts.perplexities, facts.fits, facts.trials);
}

namespace {

const support::BadRequest<std::string> kUnknownRecord{
    "resume.unknown-record", "a record holds {}",
    "another version of the program wrote the journal",
    "nothing: what follows it in that file is done again"};

template <class Item>
void append(std::vector<Item>& items, std::vector<Item> more) {
    items.insert(items.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

}  // namespace

linalg::Solver recorded_solver(const std::string& name) {
    const std::optional<linalg::Solver> solver = linalg::solver_named(name);
    if (!solver) {
        throw kUnknownRecord("", "the unknown solver " + name);
    }
    return *solver;
}

std::optional<NamedSpectrum> read_record(const formats::Record& record, RecordedFacts& facts) {
    support::ByteReader bytes(record.payload);
    switch (static_cast<RecordKind>(record.kind)) {
        case RecordKind::spectrum:
            return bytes.get<NamedSpectrum>();
        case RecordKind::farms:
            facts.farms.push_back(bytes.get<std::pair<std::string, double>>());
            return std::nullopt;
        case RecordKind::fit:
            facts.fits.push_back(bytes.get<NamedFit>());
            return std::nullopt;
        case RecordKind::outliers:
            facts.outliers.push_back(bytes.get<std::pair<int, double>>());
            return std::nullopt;
        case RecordKind::trial:
            facts.trials.push_back(bytes.get<std::pair<int, double>>());
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
    throw kUnknownRecord("", fmt::format("things of the unknown kind {}", record.kind));
}

std::int64_t sequence_of(const formats::Record& record) {
    if (record.kind != static_cast<std::uint64_t>(RecordKind::state) ||
        record.payload.size() < kStateHead) {
        throw kUnknownRecord("", "no hidden states");
    }
    support::ByteReader bytes(record.payload);
    const auto sequence = bytes.get<std::int64_t>();
    const auto values = bytes.get<std::uint64_t>();
    if (values != (record.payload.size() - kStateHead) / sizeof(float)) {
        throw kUnknownRecord("", "no hidden states");
    }
    return sequence;
}

std::string packed(const RecordedFacts& facts) {
    support::ByteWriter bytes;
    bytes(facts);
    return bytes.take();
}

void unpack_into(RecordedFacts& facts, const std::string& text) {
    auto arrived = support::ByteReader(text).get<RecordedFacts>();
    append(facts.states, std::move(arrived.states));
    append(facts.damage, std::move(arrived.damage));
    append(facts.farms, std::move(arrived.farms));
    append(facts.fits, std::move(arrived.fits));
    append(facts.outliers, std::move(arrived.outliers));
    append(facts.trials, std::move(arrived.trials));
    append(facts.notes, std::move(arrived.notes));
    append(facts.rows, std::move(arrived.rows));
    append(facts.perplexities, std::move(arrived.perplexities));
}

}  // namespace alphaprune::resume
