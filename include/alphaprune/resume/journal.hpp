#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/spectrum/matrix_spectrum.hpp"

namespace alphaprune::resume {

/// Everything that the results of a run depend on, by name: options, the files of the model, texts.
struct RunIdentity {
    std::vector<std::pair<std::string, std::string>> parts;  ///< "--sparsity-ratio", "0.7"

    /// 16 hexadecimal digits, different for different runs.
    std::string digest() const;
};

/// What the last bits of the same results depend on.
struct Provenance {
    std::string version;    ///< of the program
    std::string commit;     ///< that it was built from
    std::string processor;  ///< its model, and which kernels it is given
    std::string blas;

    friend bool operator==(const Provenance&, const Provenance&) = default;
};

/// A spectrum that was computed before.
struct KnownSpectrum {
    spectrum::MatrixSpectrum spectrum;
    std::vector<double> eigenvalues;
};

/// Rows of a tensor that are in the files of the output, durably.
struct WrittenRows {
    int tensor = 0;  ///< index into Catalogue::tensors
    parallel::RowRange rows;
    pruning::PrunedTensor part;  ///< of these rows alone
};

/// The perplexity of one of the texts.
struct KnownPerplexity {
    bool pruned = false;  ///< of the pruned model, or of the dense one
    std::int64_t text = 0;
    double value = 0;
    std::int64_t seqlen = 0;
    std::int64_t windows = 0;
};

/// The passes of the calibration sequences through the blocks that save hidden states on the way.
enum class StatePass { outliers, prune, dense };

/// Where a saved sequence of hidden states lies.
struct SavedState {
    std::string file;
    std::uint64_t place = 0;
};

/// The hidden states of all sequences at the entrance of a block.
struct SavedStates {
    int block = 0;
    std::vector<SavedState> sequences;
};

/// What earlier attempts at a run have recorded.
struct EarlierResults {
    /// Of the matrices that this rank has read; each matrix is on one rank at most.
    std::map<int, KnownSpectrum> spectra;

    // The same on every rank:
    std::vector<bool> has_spectrum;                 ///< one per matrix
    std::map<int, double> farms;                    ///< by matrix
    std::map<int, pruning::Fit> fits;               ///< by matrix
    std::map<int, double> outliers;                 ///< by block
    std::map<int, double> trials;                   ///< losses by number of the trial
    std::map<int, std::vector<std::string>> notes;  ///< by block
    std::vector<KnownPerplexity> perplexities;
    /// One per tensor; nothing where not all rows are recorded. What the files hold is still to be
    /// compared with it.
    std::vector<std::optional<pruning::PrunedTensor>> tensors;
    std::map<StatePass, SavedStates> states;
    std::vector<std::string> damage;  ///< what could not be used, for the user
};

/// The results of a run that have been reached so far, in the folder `journal` of its output: each
/// is durable when the call that records it returns, and is verified when it is read back. Every
/// rank writes files of its own; whoever continues may have another number of ranks.
class Journal {
  public:
    static std::filesystem::path folder_in(const std::filesystem::path& output);
    /// Whether there is an unfinished run to continue. @throws Error where that cannot be said
    static bool exists_in(const std::filesystem::path& output);
    /// Whether anything that was computed is in it. @throws Error where that cannot be said
    static bool holds_work(const std::filesystem::path& output);
    /// Whether the folder `journal` is one of this program's, or empty.
    static bool is_ours(const std::filesystem::path& output);
    /// Of the run that is there; nothing where none is or its document cannot be read.
    static std::optional<RunIdentity> identity_in(const std::filesystem::path& output);

    /// Collective. A new journal.
    /// @param created  time stamp of the run
    /// @param here     of rank 0
    static Journal begin(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                         const std::filesystem::path& output, const RunIdentity& identity,
                         const std::string& created, const Provenance& here = {});
    /// Collective. Reads what is there, to be continued.
    /// @param sequences  calibration sequences of the run
    /// @throws Error (bad_request) naming everything in which the run that is there differs, or
    ///         when it is still at work, or was begun by a version that computes other results
    static Journal resume(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                          const std::filesystem::path& output, const RunIdentity& identity,
                          std::int64_t sequences, const Provenance& here = {});
    /// On rank 0, when the run is complete: removes the files that a journal consists of, and the
    /// folder unless somebody has put something else into it. @throws Error
    static void remove(const std::filesystem::path& output);

    Journal(Journal&&) noexcept;
    ~Journal();

    const EarlierResults& earlier() const;
    /// Time stamp of the run's first start.
    const std::string& created() const;
    /// 1 for a run that was never interrupted.
    int attempt() const;
    /// Of all attempts, this one last, each different one once.
    const std::vector<Provenance>& computed_by() const;

    // Not collective; any thread may call them. @throws Error
    void add_spectrum(int matrix, const spectrum::MatrixSpectrum& spectrum,
                      std::span<const double> eigenvalues);
    void add_farms(int matrix, double alpha);
    void add_outliers(int block, double share);
    void add_trial(int number, double loss);
    void add_note(int block, const std::string& note);
    void add_fit(int matrix, const pruning::Fit& fit);
    void add_rows(std::span<const WrittenRows> rows);
    void add_perplexity(const KnownPerplexity& perplexity);

    /// This rank's sequences at the entrance of a block. Durable when it returns.
    /// @param state  of one of them, until the next is asked for
    void save_states(StatePass pass, int block, parallel::RowRange sequences,
                     const std::function<std::span<const float>(std::int64_t sequence)>& state);
    /// States of that block and earlier ones, of all ranks, are not needed any more. For rank 0.
    void drop_states(StatePass pass, int block);
    /// One sequence of earlier(). @throws Error
    void read_state(const SavedState& state, std::span<float> out) const;

  private:
    struct State;
    explicit Journal(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace alphaprune::resume
