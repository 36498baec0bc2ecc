#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::checkpoint {

/// Writes a Hugging Face folder: safetensors shards of at most `shard_bytes` (a larger tensor has a
/// shard of its own) in parallel, each rank its own byte ranges, model.safetensors.index.json when
/// there is more than one shard, config.json and the tokenizer files carried over, and metadata
/// that says what was done. Tensors keep names, types and shapes; an unchanged model gives the same
/// bytes tensor by tensor. The folder has its partial name until finish(). Its bytes do not
/// depend on the number of ranks, nor on how often the run was interrupted.
class HuggingFaceWriter {
  public:
    /// Collective. @throws Error on all ranks when a file cannot be made.
    /// @param catalogue  outlives the object
    /// @param metadata   text pairs for each shard's __metadata__ ("format": "pt" is added); a run
    ///                   that resumes another gives the same
    HuggingFaceWriter(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                      const std::filesystem::path& folder,
                      std::vector<std::pair<std::string, std::string>> metadata,
                      const PartialFile& partial = {}, std::uint64_t shard_bytes = 5'000'000'000);
    HuggingFaceWriter(HuggingFaceWriter&&) noexcept;
    /// An unfinished partial folder is removed by rank 0, unless it is to be kept.
    ~HuggingFaceWriter();

    /// Whether the folder of an earlier run was taken over; the same on all ranks.
    bool resumed() const;

    /// As those of CheckpointWriter.
    std::vector<bool> keep(std::vector<bool> wanted);
    void announce(int tensor, parallel::RowRange rows, std::uint64_t values);

    /// Writes whole rows of a tensor. Not collective, and makes no calls of MPI: another thread
    /// than the one that owns the writer may do it, one at a time.
    /// @throws Error naming tensor and file
    void write_rows(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes);

    /// The current contents of the shard at these rows: rows written before, by this run or by the
    /// one it resumes, or anything. Not collective, no calls of MPI; any number of threads may do
    /// it, beside one that writes. @throws Error naming tensor and file
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const;
    /// These rows of the run that is resumed stay as they are: they count as written by this rank.
    /// Not collective; for the thread that writes.
    void keep_rows(int tensor, parallel::RowRange rows);
    /// Makes the rows that this rank has written durable. Not collective; for the thread that
    /// writes. @throws Error
    void sync_rows();

    /// Collective: syncs the shards, writes the small files, gives the folder its final name.
    /// @throws Error on all ranks, when rows of the model are missing too
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace alphaprune::checkpoint
