#include "former_run.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/cli/options.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "compared_runs.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

/// The value of `look`; `otherwise` where what is looked at is not as this program writes it.
/// @throws Error (failure) where the system does not say
template <class Look>
auto unless_misfit(Look look, decltype(look()) otherwise) {
    try {
        return look();
    } catch (const support::Error& error) {
        if (error.status() == support::ExitStatus::failed) {
            throw;
        }
        return otherwise;
    }
}

/// A file of the folder itself, not one that a link names.
bool is_file(const fs::path& path) {
    return fs::is_regular_file(support::link_status_of(path));
}

/// A report of any version of the program.
std::optional<formats::Json> report_at(const fs::path& file) {
    if (!is_file(file)) {
        return std::nullopt;
    }
    formats::Json report = formats::Json::parse(support::read_text(file), file.string());
    if (!report.is_object()) {
        return std::nullopt;
    }
    const formats::Json* version = report.find("schema_version");
    const formats::Json* program = report.find("program");
    const formats::Json* matrices = report.find("matrices");
    const bool ours = version != nullptr && version->as_integer() && program != nullptr &&
                      program->is_object() && program->find("version") != nullptr &&
                      report.find("command_line") != nullptr && matrices != nullptr;
    return ours ? std::optional(std::move(report)) : std::nullopt;
}

/// What the run wrote, as far as its command line tells.
RunProof proof_of_report(const formats::Json& report) {
    RunProof proof{.of_run = true};
    const formats::Json* method = report.find("prune_method");
    if (method == nullptr || method->is_null()) {
        return proof;  // of `analyze`
    }
    std::vector<std::string> words;
    for (const formats::Json& word : report.find("command_line")->elements()) {
        words.emplace_back(word.as_string().value_or(""));
    }
    words.erase(words.begin(), words.begin() + (words.empty() ? 0 : 1));
    return unless_misfit(
        [&] {
            const cli::Options options = cli::parse_options(words, {});
            return RunProof{true, false, options.write_hdf5, options.write_safetensors};
        },
        RunProof{.of_run = true, .wrote_checkpoint = true});
}

RunProof proof_of_journal(const resume::RunIdentity& identity) {
    RunProof proof{.of_run = true};
    for (const auto& [name, value] : identity.parts) {
        if (name == "the command" && value == "sweep") {
            return {.of_sweep = true};
        }
        if (name == "--format") {
            proof.wrote_checkpoint = value.find("hdf5") != std::string::npos;
            proof.wrote_folder = value.find("safetensors") != std::string::npos;
        }
    }
    return proof;
}

bool is_our_shard(const fs::path& file) {
    return unless_misfit(
        [&] {
            const formats::SafetensorsHeader header = formats::read_safetensors_header(file);
            return std::ranges::any_of(
                header.metadata, [](const auto& entry) { return entry.first == "alphaprune_mpi"; });
        },
        false);
}

}  // namespace

std::optional<fs::path> own_report_in(const fs::path& output) {
    const fs::path report = output / kReportName;
    for (const fs::path& file : {report, support::partial_name(report)}) {
        if (unless_misfit([&] { return report_at(file).has_value(); }, false)) {
            return file;
        }
    }
    return std::nullopt;
}

RunProof proof_of_run_in(const fs::path& output) {
    RunProof proof;
    std::error_code unknown;
    if (const auto report = own_report_in(output)) {
        proof = proof_of_report(*report_at(*report));
    }
    if (const auto identity = resume::Journal::identity_in(output)) {
        const RunProof other = proof_of_journal(*identity);
        proof = {proof.of_run || other.of_run, other.of_sweep,
                 proof.wrote_checkpoint || other.wrote_checkpoint,
                 proof.wrote_folder || other.wrote_folder};
    } else if (resume::Journal::is_ours(output) &&
               !fs::is_empty(resume::Journal::folder_in(output), unknown)) {
        proof = {true, false, true, proof.wrote_folder};  // damaged, or begun only
    }
    proof.of_sweep = proof.of_sweep || runs_of_sweep(output).has_value();
    return proof;
}

bool is_our_checkpoint(const fs::path& file) {
    return unless_misfit(
        [&] { return is_file(file) && checkpoint::CheckpointReader(file).declared_tensors() >= 0; },
        false);
}

bool is_our_log(const fs::path& file) {
    constexpr std::uint64_t kFirstLine = 128;
    if (!is_file(file)) {
        return false;
    }
    const support::File log = support::File::open_for_reading(file);
    std::string begin(std::min(log.size(), kFirstLine), '\0');
    log.read_at(0, std::as_writable_bytes(std::span(begin)));
    return begin.empty() ||
           begin.substr(0, begin.find('\n')).find(" alphaprune_mpi ") != begin.npos;
}

bool is_export(const fs::path& folder, bool may_be_begun) {
    bool empty = true;
    bool told = false;
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
        const fs::path& path = at->path();
        empty = false;
        if (fs::is_directory(support::link_status_of(path))) {
            if (!model::is_folder_of_auxiliary_files(folder, path.filename().string())) {
                return false;
            }
            continue;
        }
        if (path.extension() == ".safetensors") {
            const bool begun = may_be_begun && is_file(path) && fs::is_empty(path, problem);
            if (!begun && !is_our_shard(path)) {
                return false;
            }
            told = true;
        }
    }
    if (problem) {
        throw support::path_error("cannot list the folder", folder, problem.value());
    }
    return empty || told;
}

}  // namespace alphaprune::commands
