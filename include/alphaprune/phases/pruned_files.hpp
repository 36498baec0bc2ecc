#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/clock.hpp"

namespace alphaprune::phases {

/// Where a pruned model is written.
struct PrunedPaths {
    std::filesystem::path checkpoint;  ///< HDF5; empty: not asked for
    std::filesystem::path folder;      ///< Hugging Face; empty: not asked for
    checkpoint::Storage storage = checkpoint::Storage::dense;
    /// Text pairs for the folder's shards.
    std::vector<std::pair<std::string, std::string>> metadata = {};
};

/// The files a pruned model goes to and the journal that knows which of their rows are durable.
/// They are made anew or taken over from the attempt before, in their full size and before any
/// work, so that what cannot be written is known then. They stay, under their partial names, when
/// the run ends early. Rows become durable, and are recorded, some at a time, as often as costs
/// little.
class PrunedFiles final : public TensorStore {
  public:
    /// Collective. @param catalogue  outlives the object, as ranks and journal do
    PrunedFiles(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                const PrunedPaths& paths, resume::Journal& journal);

    /// Whether all files were taken over: then tensors that are in them need not be done again.
    bool resumed() const;
    /// Collective: the tensors that the journal has recorded and all files really hold are finished
    /// from now on. @pre resumed() @throws Error
    void take_over_earlier();

    std::vector<int> order() const override { return order_; }
    void announce(int tensor, parallel::RowRange rows, std::uint64_t values) override;
    void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) override;
    void make_durable() override;
    std::optional<pruning::PrunedTensor> finished(int tensor) const override;
    void keep(int tensor) override;
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const override;
    resume::Journal* journal() override { return &journal_; }

    /// make_durable() on the way out of a run that ends early: what goes wrong is not told any
    /// more.
    void save_what_can_be();

    /// Collective, when all tensors are written: gives the files their final names.
    /// @param spectra  for the checkpoint, with the metrics; may be nullptr
    /// @param metrics  one per matrix; those undefined for all matrices are left out
    void finish(const PrunedModel& pruned, std::span<const pruning::PruneTarget> targets,
                const SpectrumResults* spectra, std::span<const spectrum::ShapeMetrics> metrics);

  private:
    template <class Use>
    void for_each_writer(Use use);
    bool due() const;
    void write_measurements(const SpectrumResults& spectra,
                            std::span<const spectrum::ShapeMetrics> metrics);

    const parallel::Communicator& ranks_;
    const model::Catalogue& catalogue_;
    resume::Journal& journal_;
    std::optional<checkpoint::CheckpointWriter> checkpoint_;
    std::optional<checkpoint::HuggingFaceWriter> folder_;
    std::vector<int> order_;
    std::vector<std::optional<pruning::PrunedTensor>> finished_;
    std::vector<resume::WrittenRows> pending_;  ///< not durable yet
    support::Stopwatch since_;                  ///< rows were made durable
    double cost_ = 0;                           ///< seconds that it took
};

}  // namespace alphaprune::phases
