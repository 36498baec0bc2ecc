#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/resume/journal.hpp"

namespace alphaprune::resume {

/// journal/run.json: which run the records belong to.
struct RunDocument {
    RunIdentity identity;
    std::string created;                       ///< time stamp of the first start
    int attempt = 1;                           ///< starts so far
    int ranks = 1;                             ///< of the first start
    std::vector<Provenance> computed_by = {};  ///< each different one once

    /// What every file of the journal begins with.
    std::uint64_t run() const;
};

std::filesystem::path document_file(const std::filesystem::path& journal);
std::filesystem::path lock_file(const std::filesystem::path& journal);
void write_document(const RunDocument& document, const std::filesystem::path& journal);
/// @throws Error (bad_request) when the file is not what this program writes
RunDocument read_document(const std::filesystem::path& journal);
/// The same from its text.
RunDocument parse_document(std::string_view text, std::string_view where);
/// What a document of any version says of its run. @throws Error (bad_request) when it is none
RunIdentity read_identity(const std::filesystem::path& journal);

/// @throws Error (bad_request) naming everything in which the two differ
void require_same(const RunIdentity& then, const RunIdentity& now,
                  const std::filesystem::path& output);

/// "records-2-17.log": of the second attempt, rank 17.
std::string records_name(int attempt, int rank);
/// "states-prune-5-2-17.log": at the entrance of block 5.
std::string states_name(StatePass pass, int block, int attempt, int rank);

struct StatesFile {
    StatePass pass{};
    int block = 0;
    std::string name;
};
struct JournalFiles {
    std::vector<std::string> records;
    std::vector<StatesFile> states;
};
/// Everything in the folder that has the name of a file of a journal.
std::vector<std::filesystem::path> own_files_in(const std::filesystem::path& journal);
/// The files that are there, sorted by name.
JournalFiles files_in(const std::filesystem::path& journal);

}  // namespace alphaprune::resume
