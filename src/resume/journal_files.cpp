#include "journal_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "alphaprune/formats/json_fields.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::resume {
namespace fs = std::filesystem;
namespace {

/// Of the form of the journal's files: to be raised when that changes.
constexpr std::int64_t kVersion = 3;
/// Of what the program computes: to be raised with every change after which spectra, metrics,
/// ratios, statistics or pruned weights may come out otherwise. Half a run of each would be
/// neither.
constexpr std::int64_t kResultsVersion = 2;

constexpr const char* kStartAnew = "start anew with --overwrite";

const support::BadRequest<> kNotADocument{
    "resume.not-a-document", "this is not the record of an unfinished run",
    "run.json was changed, or another program wrote it", kStartAnew};

const support::BadRequest<> kOtherVersion{
    "resume.other-version", "the unfinished run was written by another version of the program",
    "that version computes or records something otherwise",
    "continue it with that version, or start anew with --overwrite"};

const support::BadRequest<std::string, std::string, std::string> kDiffers{
    "resume.differs", "the unfinished run differs in {}: there {}, here {}",
    "what is done was done for other options, files or texts",
    "continue it with the options and files it was started with, or start anew with --overwrite"};

const char* name_of(StatePass pass) {
    constexpr std::array kNames{"outliers", "prune", "dense"};  // as in StatePass
    return kNames[static_cast<std::size_t>(pass)];
}

const std::string* value_in(const RunIdentity& identity, const std::string& name) {
    const auto found =
        std::ranges::find(identity.parts, name, [](const auto& p) { return p.first; });
    return found == identity.parts.end() ? nullptr : &found->second;
}

std::string shown(const std::string* value) {
    return value == nullptr || value->empty() ? "not given" : *value;
}

/// `read` on the document; whatever is wrong with a field of it is one error.
template <class Read>
void read_fields(const formats::Json& json, std::string_view where, Read read) {
    try {
        read(formats::JsonField(json, "", std::string(where)));
    } catch (const support::Error&) {
        throw kNotADocument(std::string(where));
    }
}

void require_version(const formats::Json& json, std::string_view where) {
    const formats::Json* journal = json.find("journal_version");
    const formats::Json* results = json.find("results_version");
    if (journal == nullptr) {
        throw kNotADocument(std::string(where));
    }
    if (journal->as_integer() != kVersion || results == nullptr ||
        results->as_integer() != kResultsVersion) {
        throw kOtherVersion(std::string(where));
    }
}

/// "states-prune-5-2-17.log" → prune, 5.
std::optional<StatesFile> states_file(const std::string& name) {
    for (const StatePass pass : {StatePass::outliers, StatePass::prune, StatePass::dense}) {
        const std::string start = fmt::format("states-{}-", name_of(pass));
        if (!name.starts_with(start)) {
            continue;
        }
        StatesFile file{pass, 0, name};
        const char* const end = name.data() + name.size();
        const auto [rest, problem] = std::from_chars(name.data() + start.size(), end, file.block);
        if (problem == std::errc() && rest != end && *rest == '-' && file.block >= 0) {
            return file;
        }
    }
    return std::nullopt;
}

}  // namespace

static void json_fields(auto& io, support::FieldsOf<Provenance> auto& one) {
    io("version", one.version);
    io("commit", one.commit);
    io("processor", one.processor);
    io("blas", one.blas);
}

static void json_fields(auto& io, support::FieldsOf<RunDocument> auto& document) {
    io.derived("journal_version", kVersion);
    io.derived("results_version", kResultsVersion);
    io("computed_by", document.computed_by);
    io("created", document.created);
    io("attempt", document.attempt);
    io("ranks", document.ranks);
    io("identity", document.identity.parts);
}

std::string RunIdentity::digest() const {
    std::string all;
    for (const auto& [name, value] : parts) {
        all += name + '=' + value + '\n';
    }
    return fmt::format("{:016x}", support::hash_bytes(std::as_bytes(std::span(all))));
}

std::uint64_t RunDocument::run() const {
    const std::string all = created + identity.digest();
    return support::hash_bytes(std::as_bytes(std::span(all)));
}

fs::path document_file(const fs::path& journal) {
    return journal / "run.json";
}

fs::path lock_file(const fs::path& journal) {
    return journal / "lock";
}

void write_document(const RunDocument& document, const fs::path& journal) {
    formats::ObjectWriter writer;
    json_fields(writer, document);
    support::write_text_atomically(document_file(journal), writer.take().dump() + "\n");
}

RunDocument read_document(const fs::path& journal) {
    const fs::path file = document_file(journal);
    return parse_document(support::read_text(file), file.string());
}

RunDocument parse_document(std::string_view text, std::string_view where) {
    const formats::Json json = formats::Json::parse(text, where);
    require_version(json, where);
    RunDocument document;
    read_fields(json, where, [&](const formats::JsonField& root) { root.read(document); });
    constexpr int kMost = 1'000'000'000;
    for (const int count : {document.attempt, document.ranks}) {
        if (count < 1 || count > kMost) {
            throw kNotADocument(std::string(where));
        }
    }
    return document;
}

RunIdentity read_identity(const fs::path& journal) {
    const fs::path file = document_file(journal);
    const formats::Json json = formats::Json::parse(support::read_text(file), file.string());
    RunIdentity identity;
    read_fields(json, file.string(), [&](const formats::JsonField& root) {
        std::int64_t any_version = 0;
        root["journal_version"].read(any_version);
        root["identity"].read(identity.parts);
    });
    return identity;
}

void require_same(const RunIdentity& then, const RunIdentity& now, const fs::path& output) {
    support::FaultList faults;
    const auto compare = [&](const std::string& name) {
        const std::string* before = value_in(then, name);
        const std::string* today = value_in(now, name);
        if (shown(before) != shown(today)) {
            faults.add(kDiffers(output.string(), name, shown(before), shown(today)));
        }
    };
    for (const auto& [name, value] : now.parts) {
        compare(name);
    }
    for (const auto& [name, value] : then.parts) {
        if (value_in(now, name) == nullptr) {
            compare(name);
        }
    }
    faults.throw_if_any();
}

std::string records_name(int attempt, int rank) {
    return fmt::format("records-{}-{}.log", attempt, rank);
}

std::string states_name(StatePass pass, int block, int attempt, int rank) {
    return fmt::format("states-{}-{}-{}-{}.log", name_of(pass), block, attempt, rank);
}

std::vector<fs::path> own_files_in(const fs::path& journal) {
    const JournalFiles logs = files_in(journal);
    std::vector<fs::path> files;
    for (const std::string& name : logs.records) {
        files.push_back(journal / name);
    }
    for (const StatesFile& states : logs.states) {
        files.push_back(journal / states.name);
    }
    for (const fs::path& file : {support::partial_name(document_file(journal)),
                                 document_file(journal), lock_file(journal)}) {
        if (fs::exists(support::link_status_of(file))) {
            files.push_back(file);
        }
    }
    return files;
}

JournalFiles files_in(const fs::path& journal) {
    JournalFiles files;
    std::error_code problem;
    for (const fs::directory_entry& entry : fs::directory_iterator(journal, problem)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("records-") && name.ends_with(".log")) {
            files.records.push_back(name);
        } else if (auto states = states_file(name)) {
            files.states.push_back(std::move(*states));
        }
    }
    if (problem) {
        throw support::system_failure("listing the folder", journal, problem.value());
    }
    std::ranges::sort(files.records);
    std::ranges::sort(files.states, {}, &StatesFile::name);
    return files;
}

}  // namespace alphaprune::resume
