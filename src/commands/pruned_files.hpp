#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/pruning/pruned_tensor.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// The files a pruned model goes to, made anew or taken over from the attempt before, in their full
/// size and before any work, so that what cannot be written is known then. They stay, under their
/// partial names, when the run ends early.
class PrunedFiles {
  public:
    /// Collective. @param job  outlives the object
    explicit PrunedFiles(const Job& job);

    /// Whether all of them were taken over: then rows that are in them need not be written again.
    bool resumed() const;
    /// Those of the tensors, as recorded, whose rows all files really hold. Collective.
    std::vector<std::optional<pruning::PrunedTensor>> sound_tensors(
        std::vector<std::optional<pruning::PrunedTensor>> recorded);

    // Not collective. @throws Error
    /// A tensor that is there stays as it is. For one rank.
    void keep(int tensor);
    void write_rows(int tensor, parallel::RowRange rows, std::span<const std::byte> bytes);
    void sync_rows();
    /// Rows that have been written, by this attempt or one before.
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const;

    /// Collective. @param spectra  may be nullptr
    void finish(std::span<const checkpoint::TensorSummary> summaries,
                const phases::SpectrumResults* spectra);

  private:
    void write_measurements(const phases::SpectrumResults& spectra);

    const Job& job_;
    std::optional<checkpoint::CheckpointWriter> checkpoint_;
    std::optional<checkpoint::HuggingFaceWriter> folder_;
};

}  // namespace alphaprune::commands
