#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/checkpoint/masked_order.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/spectrum/metrics.hpp"

namespace alphaprune::checkpoint {

/// What the checkpoint says about one tensor beside its bytes.
struct TensorSummary {
    std::uint64_t checksum = 0;  ///< checksum_of_rows over all rows; 0 for a tensor without bytes
    std::int64_t zeros = 0;      ///< 0 where the values are only carried
    double sparsity_ratio = 0;   ///< asked for; 0 for tensors that are not prunable
};

/// How the tensors that are pruned are stored.
enum class Storage {
    dense,
    bitmask,  ///< which values are not zero, and those (formats/bitmask.hpp)
};

/// How a writer treats what an interrupted run left under the partial name, and its own unfinished
/// file.
struct PartialFile {
    /// Takes over what is there with the rows in it: the partial file or, where there is none, the
    /// finished one, which then gets the partial name again. Anything but a plain file (or, for
    /// a folder, one with foreign files in it) is not taken over: the writer begins anew. Which
    /// rows are in place, and right, is for the caller to know; the rest of the file is made again.
    bool resume = false;
    /// An unfinished file is kept when its writer is destroyed, for a later resume, and its name is
    /// made durable at once; else rank 0 removes it.
    bool keep = false;
    /// When the run began, for the checkpoint's attribute "created"; now, when empty. A run that
    /// resumes another gives the first one's time.
    std::string created = {};
    Storage storage = Storage::dense;
};

/// Writes checkpoint.h5: one HDF5 file by all ranks together, each its own rows and spectra, as raw
/// bits straight to their place in the file. The file has its partial name until finish(),
/// which writes the HDF5 structures around them: a partial file is rows and nothing else, so that a
/// run killed at any moment leaves nothing that could disturb a later one. The bytes of the
/// file do not depend on the number of ranks, nor on how often the run was interrupted.
///
/// With Storage::bitmask a pruned tensor is a group /tensors/NAME of "bitmask", uint8,
/// "offsets", int64, and "values", in the stored type, with the same attributes (the checksum
/// being that of the dense rows) and "shape". Such tensors are written one after another, in
/// masked_order(), since values begin where those of the tensor before end.
///
/// Layout: /tensors/NAME in the stored type (bfloat16 as a custom 16-bit float type, BOOL as
/// h5py's enumeration, 8-bit floats as uint8), attributes "sparsity", "sparsity_ratio", "zeros",
/// "checksum", "position" (in the catalogue) and "dtype" (safetensors' name of the type); a tensor
/// whose values are no whole bytes, or of a type that is not known, is stored as its rows × bytes,
/// uint8, with its shape as attribute "shape"; /spectra/NAME, float64; /metrics/METRIC,
/// float64, one value per matrix in order; /model/config.json as text; /model/FILE for each
/// auxiliary file of the model (model/auxiliary_files.hpp), uint8, attribute "checksum"; root
/// attributes "format"
/// ("alphaprune-checkpoint"), "version" (1; with masks 2), "model", "family", "created", "tensors"
/// (count) and, last of all, "complete" (1).
class CheckpointWriter {
  public:
    /// Collective. @throws Error on all ranks when the file cannot be made, or (bad_request) when a
    /// tensor's name cannot be a name in an HDF5 file.
    /// @param catalogue  outlives the object
    CheckpointWriter(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                     const std::filesystem::path& path, const PartialFile& partial = {});
    CheckpointWriter(CheckpointWriter&&) noexcept;
    /// Collective, like everything about an open file: only errors that all ranks agree on
    /// (together, agree) may end its life. An unfinished partial file is removed by rank 0, unless
    /// it is to be kept.
    ~CheckpointWriter();

    /// Whether the file of an earlier run was taken over; the same on all ranks.
    bool resumed() const;

    /// Collective, in a run that is resumed, before anything is announced: these tensors stay as
    /// they are, one flag each, the same on every rank. Of masked tensors only those up to the
    /// first one, in masked_order(), that does not. @return those that do
    std::vector<bool> keep(std::vector<bool> wanted);
    /// Collective: this rank will write these rows of a masked tensor, in their order, of which so
    /// many values are not zero (formats::count_values). Not needed for other tensors.
    /// @pre  in masked_order(), but for those that are kept; the rows of ranks follow each other
    /// @throws Error on all ranks
    void announce(int tensor, parallel::RowRange rows, std::uint64_t values);

    /// Writes whole rows of a tensor. Not collective, and makes no calls of MPI or HDF5: another
    /// thread than the one that owns the writer may do it, one at a time.
    /// @throws Error naming tensor and file
    void write_rows(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes);
    /// The current contents of the file at these rows: rows written before, by this run or by the
    /// one it resumes, or anything. Not collective, no calls of MPI or HDF5; any number of threads
    /// may do it, beside one that writes. @throws Error naming tensor and file
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const;
    /// Makes the rows that this rank has written durable. Not collective; for the thread that
    /// writes. @throws Error
    void sync_rows();

    /// Collective. `eigenvalues[m]` is filled on exactly one rank for each matrix m, empty
    /// elsewhere; a matrix empty everywhere has no spectrum in the file.
    void write_spectra(const std::vector<std::vector<double>>& eigenvalues);
    /// Collective; the same values on every rank, one per matrix.
    void write_metric(spectrum::Metric metric, std::span<const double> values);

    /// Collective; the same summaries on every rank, one per tensor. Writes the structures and
    /// attributes, syncs the file and gives it its final name.
    void finish(std::span<const TensorSummary> summaries);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace alphaprune::checkpoint
