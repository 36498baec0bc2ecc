#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/formats/record_log.hpp"
#include "require.hpp"
#include "resume/journal_files.hpp"
#include "resume/journal_records.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

model::Catalogue two_tensors() {
    model::Catalogue catalogue;
    for (const char* name : {"a.0.weight", "a.1.weight"}) {
        catalogue.tensors.push_back({name, support::ScalarType::float32, {4, 2}, 0, 0, -1});
    }
    return catalogue;
}

/// The document says the same when it is written and read again.
void check_document(std::string_view text, const fuzz::Scratch& scratch) {
    const resume::RunDocument document = resume::parse_document(text, "run.json");
    fuzz::require(document.attempt >= 1);
    resume::write_document(document, scratch.folder());
    const resume::RunDocument again = resume::read_document(scratch.folder());
    resume::require_same(document.identity, again.identity, "output");
    fuzz::require(again.attempt == document.attempt);
    fuzz::require(again.computed_by == document.computed_by);
}

/// A file of records as it may be found: each record counts once it is whole.
void read_file(const std::filesystem::path& path, std::size_t size) {
    constexpr std::uint64_t kRun = 0;
    formats::RecordLogReader reader(path, kRun);
    std::uint64_t after = 0;
    while (const auto record = reader.next()) {
        fuzz::require(record->place >= after && record->payload.size() <= size);
        after = record->place + record->payload.size();
        fuzz::require(after <= size);
    }
}

/// What is damaged is refused in words.
void read_or_refuse(const auto& read) {
    try {
        read();
    } catch (const support::Error& error) {
        fuzz::require(!error.faults().empty());
    }
}

/// What records that passed their checksums say. Each is a byte for the kind, two for the size.
void read_records(std::string_view text) {
    static const model::Catalogue catalogue = two_tensors();
    resume::RecordedFacts facts;
    while (text.size() > 3) {
        std::uint16_t size = 0;
        std::memcpy(&size, text.data() + 1, sizeof size);
        const std::string_view payload = text.substr(3, size);
        const auto bytes = std::as_bytes(std::span(payload));
        const formats::Record record{
            static_cast<unsigned char>(text.front()), {bytes.begin(), bytes.end()}, 0};
        read_or_refuse([&] { resume::read_record(record, facts); });
        read_or_refuse([&] {
            facts.states.push_back(
                {resume::StatePass::prune, 0, resume::sequence_of(record), {"states", 0}});
        });
        text.remove_prefix(3 + payload.size());
    }
    const std::string travelling = resume::packed(facts);
    resume::RecordedFacts arrived;
    resume::unpack_into(arrived, travelling);
    fuzz::require(resume::packed(arrived) == travelling);
    fuzz::require(resume::complete_tensors(catalogue, facts.rows).size() ==
                  catalogue.tensors.size());
}

}  // namespace

/// run.json, a line of dashes, records.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    std::string_view rest = fuzz::as_text(data, size);
    const std::string_view document = fuzz::take_part(rest);
    fuzz::is_accepted([&] { check_document(document, scratch); });
    read_records(rest);
    if (rest.starts_with("APRECLOG")) {
        const auto path = scratch.write("records.log", rest);
        fuzz::is_accepted([&] { read_file(path, rest.size()); });
    }
    return 0;
}
