#include "alphaprune/resume/journal.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <mutex>
#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "journal_files.hpp"
#include "journal_records.hpp"

namespace alphaprune::resume {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<> kEnded{
    "resume.ended", "another run has ended here just now",
    "this run waited for the lock of another one, which has removed the journal",
    "start again: it will say whether anything is left to do"};

const support::Failure<> kOtherSize{
    "resume.other-size", "the saved states have another size than the model's",
    "the states were damaged or belong to another model", "start anew with --overwrite"};

bool is_empty_file(const fs::path& path) {
    return fs::is_regular_file(support::link_status_of(path)) &&
           support::File::open_for_reading(path).size() == 0;
}

bool holds_own_files_only(const fs::path& folder) {
    std::error_code problem;
    const auto all = std::distance(fs::directory_iterator(folder, problem), {});
    return !problem && static_cast<std::size_t>(all) == own_files_in(folder).size();
}

}  // namespace

struct Journal::State {
    fs::path folder;
    RunDocument document;
    int rank = 0;
    std::vector<std::string> names;  ///< of the matrices
    EarlierResults earlier;
    std::optional<support::FileLock> lock;  ///< on rank 0
    std::mutex mutex;                       ///< of the file
    std::optional<formats::RecordLogWriter> records;

    State(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
          const fs::path& output)
        : folder(folder_in(output)), rank(ranks.rank()) {
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            names.push_back(catalogue.name_of(matrix));
        }
    }

    void lock_folder() { lock = support::FileLock::take(lock_file(folder)); }

    /// The file is made by the first record: ranks without results leave none.
    template <class... Values>
    void append(RecordKind kind, const Values&... values) {
        support::ByteWriter payload;
        payload(values...);
        const std::scoped_lock one_at_a_time(mutex);
        if (!records) {
            records.emplace(folder / records_name(document.attempt, rank), document.run());
        }
        records->append(static_cast<std::uint64_t>(kind), payload.bytes());
        records->sync();
    }
    const std::string& name_of(int matrix) const { return names[static_cast<std::size_t>(matrix)]; }
};

fs::path Journal::folder_in(const fs::path& output) {
    return output / "journal";
}

bool Journal::exists_in(const fs::path& output) {
    return fs::exists(support::status_of(document_file(folder_in(output))));
}

bool Journal::holds_work(const fs::path& output) {
    const fs::path folder = folder_in(output);
    const auto holds_more_than_its_head = [&](const std::string& name) {
        return support::File::open_for_reading(folder / name).size() > formats::kRecordLogHead;
    };
    if (!exists_in(output)) {
        return false;
    }
    const JournalFiles files = files_in(folder);
    return std::ranges::any_of(files.records, holds_more_than_its_head) ||
           std::ranges::any_of(files.states, holds_more_than_its_head, &StatesFile::name);
}

bool Journal::is_ours(const fs::path& output) {
    const fs::path folder = folder_in(output);
    std::error_code unknown;
    return fs::is_directory(support::link_status_of(folder)) &&
           (fs::is_empty(folder, unknown) || identity_in(output) ||
            (is_empty_file(lock_file(folder)) && holds_own_files_only(folder)));
}

std::optional<RunIdentity> Journal::identity_in(const fs::path& output) {
    try {
        return read_identity(folder_in(output));
    } catch (const support::Error& error) {
        if (error.status() == support::ExitStatus::failed) {
            throw;
        }
        return std::nullopt;
    }
}

Journal Journal::begin(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                       const fs::path& output, const RunIdentity& identity,
                       const std::string& created, const Provenance& here) {
    auto state = std::make_unique<State>(ranks, catalogue, output);
    state->document = {identity, created, 1, ranks.size(), {here}};
    state->earlier.has_spectrum.assign(catalogue.matrices.size(), false);
    state->earlier.tensors.resize(catalogue.tensors.size());
    parallel::run_on_root(ranks, [&] {
        support::make_own_folder(state->folder);
        state->lock_folder();
        write_document(state->document, state->folder);
    });
    const fs::path document = document_file(state->folder);
    parallel::require_common_files(ranks, std::span(&document, 1));
    return Journal(std::move(state));
}

Journal Journal::resume(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                        const fs::path& output, const RunIdentity& identity, std::int64_t sequences,
                        const Provenance& here) {
    auto state = std::make_unique<State>(ranks, catalogue, output);
    parallel::run_on_root(ranks, [&] {
        support::make_own_folder(state->folder);  // as it is, unless a link has taken its place
        state->lock_folder();
        if (!exists_in(output)) {  // a run that was at work has ended meanwhile
            throw kEnded(output.string());
        }
    });
    parallel::run_collectively(ranks, [&] { state->document = read_document(state->folder); });
    parallel::run_collectively(ranks,
                               [&] { require_same(state->document.identity, identity, output); });
    ranks.barrier();  // all have read the document
    ++state->document.attempt;
    std::erase(state->document.computed_by, here);
    state->document.computed_by.push_back(here);
    parallel::run_on_root(ranks, [&] { write_document(state->document, state->folder); });
    state->earlier =
        read_earlier_results(ranks, catalogue, state->folder, state->document.run(), sequences);
    return Journal(std::move(state));
}

void Journal::remove(const fs::path& output) {
    const fs::path folder = folder_in(output);
    if (!fs::is_directory(support::link_status_of(folder))) {
        return;
    }
    std::error_code problem;
    for (const fs::path& file : own_files_in(folder)) {
        fs::remove(file, problem);
        if (problem) {
            throw support::system_failure("removing the file", file, problem.value());
        }
    }
    fs::remove(folder, problem);  // stays with what somebody else has put there
}

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal::~Journal() = default;

const EarlierResults& Journal::earlier() const {
    return state_->earlier;
}
const std::string& Journal::created() const {
    return state_->document.created;
}
int Journal::attempt() const {
    return state_->document.attempt;
}
const std::vector<Provenance>& Journal::computed_by() const {
    return state_->document.computed_by;
}

void Journal::add_spectrum(int matrix, const spectrum::MatrixSpectrum& spectrum,
                           std::span<const double> eigenvalues) {
    state_->append(RecordKind::spectrum,
                   NamedSpectrum{state_->name_of(matrix),
                                 {spectrum, {eigenvalues.begin(), eigenvalues.end()}}});
}
void Journal::add_farms(int matrix, double alpha) {
    state_->append(RecordKind::farms, state_->name_of(matrix), alpha);
}
void Journal::add_outliers(int block, double share) {
    state_->append(RecordKind::outliers, block, share);
}
void Journal::add_trial(int number, double loss) {
    state_->append(RecordKind::trial, number, loss);
}
void Journal::add_note(int block, const std::string& note) {
    state_->append(RecordKind::note, block, note);
}
void Journal::add_fit(int matrix, const pruning::Fit& fit) {
    state_->append(RecordKind::fit, NamedFit{state_->name_of(matrix), fit});
}
void Journal::add_rows(std::span<const WrittenRows> rows) {
    state_->append(RecordKind::rows, std::vector(rows.begin(), rows.end()));
}
void Journal::add_perplexity(const KnownPerplexity& perplexity) {
    state_->append(RecordKind::perplexity, perplexity);
}

void Journal::save_states(
    StatePass pass, int block, parallel::RowRange sequences,
    const std::function<std::span<const float>(std::int64_t sequence)>& state) {
    if (sequences.size() == 0) {
        return;
    }
    const fs::path file =
        state_->folder / states_name(pass, block, state_->document.attempt, state_->rank);
    formats::RecordLogWriter writer(file, state_->document.run());
    for (std::int64_t sequence = sequences.begin; sequence < sequences.end; ++sequence) {
        support::ByteWriter payload;
        payload(sequence, state(sequence));
        writer.append(static_cast<std::uint64_t>(RecordKind::state), payload.bytes());
    }
    writer.sync();
}

void Journal::drop_states(StatePass pass, int block) {
    for (const StatesFile& file : files_in(state_->folder).states) {
        if (file.pass == pass && file.block <= block) {
            std::error_code ignored;
            fs::remove(state_->folder / file.name, ignored);
        }
    }
}

void Journal::read_state(const SavedState& state, std::span<float> out) const {
    const support::File file = support::File::open_for_reading(state_->folder / state.file);
    std::array<std::uint64_t, 2> head{};
    file.read_at(state.place, std::as_writable_bytes(std::span(head)));
    if (head[1] != out.size()) {
        throw kOtherSize((state_->folder / state.file).string());
    }
    file.read_at(state.place + kStateHead, std::as_writable_bytes(out));
}

}  // namespace alphaprune::resume
