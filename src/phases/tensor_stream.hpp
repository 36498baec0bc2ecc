#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/work_clock.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::phases {

/// One rank's part in streaming a model from its files to a store. Reading, booking and writing
/// have no state in common: each may be done by a thread of its own.
class TensorStream {
  public:
    TensorStream(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                 TensorStore& store)
        : ranks_(ranks), reader_(catalogue), store_(store), announced_(catalogue.tensors.size()) {
        for (const int t : store.order()) {
            announced_[static_cast<std::size_t>(t)] = true;
        }
    }

    const parallel::Communicator& ranks() const { return ranks_; }
    const model::TensorInfo& tensor(int index) const {
        return reader_.catalogue().tensors[static_cast<std::size_t>(index)];
    }
    /// This rank's rows of a tensor.
    parallel::RowRange share(const model::TensorInfo& tensor) const;

    /// Room for those rows, all zero.
    std::vector<std::byte>& room_for(const model::TensorInfo& tensor, parallel::RowRange rows);
    /// Reads those rows, and checks that those of a prunable tensor are finite; what is not pruned
    /// is carried whatever it holds. @throws Error
    void read(const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out);
    /// Whether the store is told of a tensor's rows before they are written.
    bool announces(int index) const { return announced_[static_cast<std::size_t>(index)]; }
    /// Collective, where it is: how many values of finished rows are not zero.
    /// @throws Error on all ranks
    void announce(int index, parallel::RowRange rows, std::uint64_t values) {
        store_.announce(index, rows, values);
    }
    /// The same, which counts them. Nothing where the store is not told.
    void announce(int index, parallel::RowRange rows, std::span<const std::byte> bytes);
    /// Books finished rows. @param zeros  among them
    /// @return for write()
    resume::WrittenRows book(int index, parallel::RowRange rows, std::span<const std::byte> bytes,
                             std::int64_t zeros);
    /// Gives finished rows to the store. @throws Error
    void write(const resume::WrittenRows& rows, std::span<const std::byte> bytes) const;
    /// Tensors that an earlier attempt has finished stay as they are.
    void take_over_finished();
    /// Books finished rows and gives them to the store. @throws Error
    void deliver(int index, parallel::RowRange rows, std::span<const std::byte> bytes);
    /// Collective: copies the tensors that are neither pruned nor finished, of each a share of the
    /// rows, piece by piece. @throws Error on all ranks
    void copy_the_rest(parallel::WorkClock& clock);
    /// A tensor that an earlier attempt has finished. The stream outlives the source.
    model::RowSource finished_rows(int index);

    /// Collective: what became of each tensor, summed over all ranks.
    std::vector<pruning::PrunedTensor> results() const;
    /// Collective: the zeros of each matrix, of those of finished tensors, too.
    /// @throws Error on all ranks
    std::vector<std::int64_t> matrix_zeros(std::span<const pruning::PrunedTensor> results);

  private:
    void copy(int index);
    void add(int index, const pruning::PrunedTensor& part);
    /// Counts the zeros of each matrix of a tensor that has slices.
    void count_zeros_in_slices(int index, parallel::RowRange rows,
                               std::span<const std::byte> bytes);
    const parallel::Communicator& ranks_;
    model::WeightReader reader_;
    TensorStore& store_;
    std::vector<bool> announced_;
    std::vector<std::byte> buffer_;
    std::vector<pruning::PrunedTensor> results_ =
        std::vector<pruning::PrunedTensor>(reader_.catalogue().tensors.size());
    std::vector<std::int64_t> zeros_ =  ///< of each matrix that is a slice
        std::vector<std::int64_t>(reader_.catalogue().matrices.size());
};

}  // namespace alphaprune::phases
