#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune {

/// Writes a Hugging Face folder: safetensors shards of at most `shard_bytes` (a larger tensor has a
/// shard of its own) in parallel, each rank its own byte ranges, model.safetensors.index.json when
/// there is more than one shard, config.json and the tokenizer files carried over, and metadata
/// that says what was done. Tensors keep names, types and shapes; an unchanged model gives the same
/// bytes tensor by tensor. The folder stands under a partial name until finish().
class HuggingFaceWriter {
  public:
    /// Collective. @throws Error on all ranks when a file cannot be made.
    /// @param catalogue  outlives the object
    /// @param metadata   text pairs for each shard's __metadata__ ("format": "pt" is added)
    HuggingFaceWriter(const Communicator& ranks, const Catalogue& catalogue,
                      const std::filesystem::path& folder,
                      std::vector<std::pair<std::string, std::string>> metadata,
                      std::uint64_t shard_bytes = 5'000'000'000);
    HuggingFaceWriter(HuggingFaceWriter&&) noexcept;
    ~HuggingFaceWriter();  ///< an unfinished partial folder is removed by rank 0

    /// Writes whole rows of a tensor. Not collective, and makes no calls of MPI: another thread
    /// than the one that owns the writer may do it, one at a time.
    /// @throws Error naming tensor and file
    void write_rows(int tensor, RowRange rows, std::span<const std::byte> bytes);

    /// Collective: syncs the shards, writes the small files, gives the folder its final name.
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The catalogue that a checkpoint.h5 describes and a source of its rows, so that a checkpoint can
/// be evaluated and exported as a model folder can. Each rank on its own.
Catalogue catalogue_of_checkpoint(const std::filesystem::path& checkpoint);
RowSource rows_of_checkpoint(const std::filesystem::path& checkpoint, const Catalogue& catalogue);

}  // namespace alphaprune
