#include "journal_records.hpp"

#include <algorithm>
#include <array>

#include "alphaprune/formats/bytes.hpp"

namespace alphaprune {
namespace {

Solver read_solver(ByteReader& reader) {
    const std::string name = reader.get_text();
    const std::optional<Solver> solver = solver_named(name);
    if (!solver) {
        throw bad_request("a record names an unknown solver");
    }
    return *solver;
}

NamedSpectrum read_spectrum(ByteReader& reader) {
    NamedSpectrum named;
    named.name = reader.get_text();
    MatrixSpectrum& spectrum = named.known.spectrum;
    const auto metrics = reader.get_values<double>();
    if (metrics.size() != kMetrics) {
        throw bad_request("a record has other metrics than this program");
    }
    std::ranges::copy(metrics, spectrum.metrics.values.begin());
    spectrum.solver = read_solver(reader);
    if (reader.get<std::uint8_t>() != 0) {
        spectrum.failed_solver = read_solver(reader);
    }
    spectrum.in_single = reader.get<std::uint8_t>() != 0;
    spectrum.group_ranks = reader.get<int>();
    spectrum.seconds = reader.get<double>();
    named.known.eigenvalues = reader.get_values<double>();
    return named;
}

WrittenRows read_rows(ByteReader& reader) {
    WrittenRows rows;
    rows.tensor = reader.get<int>();
    rows.rows.begin = reader.get<std::int64_t>();
    rows.rows.end = reader.get<std::int64_t>();
    rows.part.checksum = reader.get<std::uint64_t>();
    rows.part.zeros = reader.get<std::int64_t>();
    return rows;
}

KnownPerplexity read_perplexity(ByteReader& reader) {
    KnownPerplexity perplexity;
    perplexity.pruned = reader.get<std::uint8_t>() != 0;
    perplexity.text = reader.get<std::int64_t>();
    perplexity.value = reader.get<double>();
    perplexity.seqlen = reader.get<std::int64_t>();
    perplexity.windows = reader.get<std::int64_t>();
    return perplexity;
}

}  // namespace

Payload spectrum_payload(const std::string& name, const MatrixSpectrum& spectrum,
                         std::span<const double> eigenvalues) {
    ByteWriter writer;
    writer.put_text(name);
    writer.put_values(std::span<const double>(spectrum.metrics.values));
    writer.put_text(name_of(spectrum.solver));
    writer.put(static_cast<std::uint8_t>(spectrum.failed_solver ? 1 : 0));
    if (spectrum.failed_solver) {
        writer.put_text(name_of(*spectrum.failed_solver));
    }
    writer.put(static_cast<std::uint8_t>(spectrum.in_single ? 1 : 0));
    writer.put(spectrum.group_ranks);
    writer.put(spectrum.seconds);
    writer.put_values(eigenvalues);
    return writer.take();
}

Payload farms_payload(const std::string& name, double alpha) {
    ByteWriter writer;
    writer.put_text(name);
    writer.put(alpha);
    return writer.take();
}

Payload outliers_payload(int block, double share) {
    ByteWriter writer;
    writer.put(block);
    writer.put(share);
    return writer.take();
}

Payload note_payload(int block, const std::string& note) {
    ByteWriter writer;
    writer.put(block);
    writer.put_text(note);
    return writer.take();
}

Payload rows_payload(std::span<const WrittenRows> rows) {
    ByteWriter writer;
    for (const WrittenRows& written : rows) {
        writer.put(written.tensor);
        writer.put(written.rows.begin);
        writer.put(written.rows.end);
        writer.put(written.part.checksum);
        writer.put(written.part.zeros);
    }
    return writer.take();
}

Payload perplexity_payload(const KnownPerplexity& perplexity) {
    ByteWriter writer;
    writer.put(static_cast<std::uint8_t>(perplexity.pruned ? 1 : 0));
    writer.put(perplexity.text);
    writer.put(perplexity.value);
    writer.put(perplexity.seqlen);
    writer.put(perplexity.windows);
    return writer.take();
}

Payload state_payload(std::int64_t sequence, std::span<const float> values) {
    ByteWriter writer;
    writer.put(sequence);
    writer.put_values(values);
    return writer.take();
}

std::optional<NamedSpectrum> read_record(const Record& record, RecordedFacts& facts) {
    ByteReader reader(record.payload);
    switch (static_cast<RecordKind>(record.kind)) {
        case RecordKind::spectrum:
            return read_spectrum(reader);
        case RecordKind::farms: {
            std::string name = reader.get_text();
            facts.farms.emplace_back(std::move(name), reader.get<double>());
            return std::nullopt;
        }
        case RecordKind::outliers: {
            const int block = reader.get<int>();
            facts.outliers.emplace_back(block, reader.get<double>());
            return std::nullopt;
        }
        case RecordKind::note: {
            const int block = reader.get<int>();
            facts.notes.emplace_back(block, reader.get_text());
            return std::nullopt;
        }
        case RecordKind::rows:
            while (!reader.empty()) {
                facts.rows.push_back(read_rows(reader));
            }
            return std::nullopt;
        case RecordKind::perplexity:
            facts.perplexities.push_back(read_perplexity(reader));
            return std::nullopt;
        case RecordKind::state:
            break;
    }
    throw bad_request("a record is of an unknown kind");
}

std::optional<std::int64_t> sequence_of(const Record& record) {
    if (record.kind != static_cast<std::uint64_t>(RecordKind::state) ||
        record.payload.size() < kStateHead) {
        return std::nullopt;
    }
    ByteReader reader(record.payload);
    const auto sequence = reader.get<std::int64_t>();
    const auto values = reader.get<std::uint64_t>();
    const bool whole = values == (record.payload.size() - kStateHead) / sizeof(float);
    return whole ? std::optional(sequence) : std::nullopt;
}

std::string packed(const RecordedFacts& facts) {
    ByteWriter writer;
    const auto put_all = [&](const auto& list, const auto& put) {
        writer.put(std::uint64_t{list.size()});
        for (const auto& item : list) {
            put(item);
        }
    };
    const auto put_text = [&](const std::string& text) { writer.put_text(text); };
    const auto put_pair = [&](const auto& pair) {
        writer.put(pair.first);
        writer.put(pair.second);
    };
    put_all(facts.damage, put_text);
    put_all(facts.farms, [&](const auto& pair) {
        writer.put_text(pair.first);
        writer.put(pair.second);
    });
    put_all(facts.outliers, put_pair);
    put_all(facts.notes, [&](const auto& pair) {
        writer.put(pair.first);
        writer.put_text(pair.second);
    });
    put_all(facts.states, [&](const FoundState& found) {
        writer.put(static_cast<std::uint8_t>(found.pass));
        writer.put(found.block);
        writer.put(found.sequence);
        writer.put_text(found.state.file);
        writer.put(found.state.place);
    });
    put_all(facts.perplexities,
            [&](const KnownPerplexity& one) { writer.put_text(perplexity_payload(one)); });
    return writer.take() + rows_payload(facts.rows);
}

void unpack_into(RecordedFacts& facts, const std::string& text) {
    ByteReader reader(std::as_bytes(std::span(text)));
    const auto get_all = [&](const auto& get) {
        const auto count = reader.get<std::uint64_t>();
        for (std::uint64_t i = 0; i < count; ++i) {
            get();
        }
    };
    get_all([&] { facts.damage.push_back(reader.get_text()); });
    get_all([&] {
        std::string name = reader.get_text();
        facts.farms.emplace_back(std::move(name), reader.get<double>());
    });
    get_all([&] {
        const int block = reader.get<int>();
        facts.outliers.emplace_back(block, reader.get<double>());
    });
    get_all([&] {
        const int block = reader.get<int>();
        facts.notes.emplace_back(block, reader.get_text());
    });
    get_all([&] {
        FoundState& found = facts.states.emplace_back();
        found.pass = static_cast<StatePass>(reader.get<std::uint8_t>());
        found.block = reader.get<int>();
        found.sequence = reader.get<std::int64_t>();
        found.state.file = reader.get_text();
        found.state.place = reader.get<std::uint64_t>();
    });
    get_all([&] {
        const std::string payload = reader.get_text();
        ByteReader one(std::as_bytes(std::span(payload)));
        facts.perplexities.push_back(read_perplexity(one));
    });
    while (!reader.empty()) {
        facts.rows.push_back(read_rows(reader));
    }
}

}  // namespace alphaprune
