#include "journal_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::resume {
namespace fs = std::filesystem;
namespace {

/// Of the form of the journal's files: to be raised when that changes.
constexpr std::int64_t kVersion = 2;
/// Of what the program computes: to be raised with every change after which spectra, metrics,
/// ratios, statistics or pruned weights may come out otherwise. Half a run of each would be
/// neither.
constexpr std::int64_t kResultsVersion = 1;

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

const support::Failure<std::string> kCannotList{"resume.cannot-list", "cannot list the folder: {}",
                                                "the system refuses it or fails",
                                                "check the permissions and the file system"};

const char* name_of(StatePass pass) {
    return pass == StatePass::prune ? "prune" : "outliers";
}

const std::string* value_in(const RunIdentity& identity, const std::string& name) {
    const auto found =
        std::ranges::find(identity.parts, name, [](const auto& p) { return p.first; });
    return found == identity.parts.end() ? nullptr : &found->second;
}

std::string shown(const std::string* value) {
    return value == nullptr || value->empty() ? "not given" : *value;
}

const formats::Json& member(const formats::Json& object, std::string_view name,
                            std::string_view where) {
    const formats::Json* found = object.find(name);
    if (found == nullptr) {
        throw kNotADocument(std::string(where));
    }
    return *found;
}

std::string text_member(const formats::Json& object, std::string_view name,
                        std::string_view where) {
    const auto text = member(object, name, where).as_string();
    if (!text) {
        throw kNotADocument(std::string(where));
    }
    return *text;
}

std::vector<Provenance> read_provenances(const formats::Json& array, std::string_view where) {
    if (!array.is_array()) {
        throw kNotADocument(std::string(where));
    }
    std::vector<Provenance> provenances;
    for (const formats::Json& one : array.elements()) {
        if (!one.is_object()) {
            throw kNotADocument(std::string(where));
        }
        provenances.push_back(
            {text_member(one, "version", where), text_member(one, "commit", where),
             text_member(one, "processor", where), text_member(one, "blas", where)});
    }
    return provenances;
}

RunIdentity identity_of(const formats::Json& json, std::string_view where) {
    const formats::Json& members = member(json, "identity", where);
    if (!members.is_object()) {
        throw kNotADocument(std::string(where));
    }
    RunIdentity identity;
    for (const auto& [name, value] : members.members()) {
        identity.parts.emplace_back(name, text_member(members, name, where));
    }
    return identity;
}

void require_version(const formats::Json& json, std::string_view where) {
    const formats::Json* results = json.find("results_version");
    if (member(json, "journal_version", where).as_integer() != kVersion || results == nullptr ||
        results->as_integer() != kResultsVersion) {
        throw kOtherVersion(std::string(where));
    }
}

/// "states-prune-5-2-17.log" → prune, 5.
std::optional<StatesFile> states_file(const std::string& name) {
    for (const StatePass pass : {StatePass::outliers, StatePass::prune}) {
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
    formats::Json::Object identity;
    for (const auto& [name, value] : document.identity.parts) {
        identity.emplace_back(name, value);
    }
    formats::Json::Array computed_by;
    for (const Provenance& one : document.computed_by) {
        computed_by.push_back(formats::Json::Object{{"version", one.version},
                                                    {"commit", one.commit},
                                                    {"processor", one.processor},
                                                    {"blas", one.blas}});
    }
    const formats::Json json(
        formats::Json::Object{{"journal_version", kVersion},
                              {"results_version", kResultsVersion},
                              {"computed_by", std::move(computed_by)},
                              {"created", document.created},
                              {"attempt", document.attempt},
                              {"ranks", document.ranks},
                              {"identity", formats::Json(std::move(identity))}});
    support::write_text_atomically(document_file(journal), json.dump() + "\n");
}

RunDocument read_document(const fs::path& journal) {
    const fs::path file = document_file(journal);
    return parse_document(support::read_text(file), file.string());
}

RunDocument parse_document(std::string_view text, std::string_view where) {
    const formats::Json json = formats::Json::parse(text, where);
    if (!json.is_object()) {
        throw kNotADocument(std::string(where));
    }
    require_version(json, where);
    const auto created = member(json, "created", where).as_string();
    const auto attempt = member(json, "attempt", where).as_integer();
    const auto ranks = member(json, "ranks", where).as_integer();
    constexpr std::int64_t kMost = 1'000'000'000;
    const auto is_count = [](const auto& number) {
        return number && *number >= 1 && *number <= kMost;
    };
    if (!created || !is_count(attempt) || !is_count(ranks)) {
        throw kNotADocument(std::string(where));
    }
    return {identity_of(json, where), std::string(*created), static_cast<int>(*attempt),
            static_cast<int>(*ranks), read_provenances(member(json, "computed_by", where), where)};
}

RunIdentity read_identity(const fs::path& journal) {
    const fs::path file = document_file(journal);
    const formats::Json json = formats::Json::parse(support::read_text(file), file.string());
    if (!json.is_object() || !member(json, "journal_version", file.string()).as_integer()) {
        throw kNotADocument(file.string());
    }
    return identity_of(json, file.string());
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
        throw kCannotList(journal.string(), problem.message());
    }
    std::ranges::sort(files.records);
    std::ranges::sort(files.states, {}, &StatesFile::name);
    return files;
}

}  // namespace alphaprune::resume
