#include "alphaprune/phases/prune_phase.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <future>
#include <memory>
#include <numeric>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"
#include "background_thread.hpp"
#include "calibrated_pruning.hpp"
#include "kept_zeros.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {
namespace {

/// Rows of one tensor that pass through this rank together: all that it has of a prunable matrix, a
/// piece of any other tensor.
struct Parcel {
    int tensor = 0;
    parallel::RowRange rows;
    std::size_t bytes = 0;
};

/// N:M takes its groups from the inputs of a layer: down the columns, where the matrix is stored as
/// inputs × outputs. Then a rank has whole groups of rows, of all of the tensor's matrices; of
/// three dimensions it has whole matrices anyway. @return rows of a group; 1: there are none
int rows_of_group(const model::Catalogue& catalogue, int tensor,
                  std::span<const pruning::PruneTarget> targets) {
    int rows = 1;
    for (const int matrix : model::matrices_of(catalogue, tensor)) {
        const auto number = static_cast<std::size_t>(matrix);
        if (catalogue.matrices[number].transposed && catalogue.matrices[number].expert < 0 &&
            targets[number].pattern) {
            rows = std::lcm(rows, targets[number].pattern->group);
        }
    }
    return rows;
}

/// This rank's rows, in whole groups; the last group of the matrix may be a shorter one.
parallel::RowRange share_of_groups(const parallel::Communicator& ranks, std::int64_t rows,
                                   int group) {
    const parallel::RowRange groups =
        parallel::share_of((rows + group - 1) / group, ranks.size(), ranks.rank());
    return {std::min(groups.begin * group, rows), std::min(groups.end * group, rows)};
}

/// All tensors in the order of the files, but those for which the store has an order of its own.
std::vector<int> sequence_of(const model::Catalogue& catalogue, std::span<const int> order) {
    std::vector<int> sequence(catalogue.tensors.size());
    std::iota(sequence.begin(), sequence.end(), 0);
    std::vector<int> places(order.begin(), order.end());
    std::ranges::sort(places);
    for (std::size_t i = 0; i < order.size(); ++i) {
        sequence[static_cast<std::size_t>(places[i])] = order[i];
    }
    return sequence;
}

std::vector<Parcel> parcels_of(const TensorStream& stream, const model::Catalogue& catalogue,
                               std::span<const int> sequence,
                               std::span<const pruning::PruneTarget> targets,
                               const TensorStore& store) {
    std::vector<Parcel> parcels;
    for (const int t : sequence) {
        if (store.finished(t)) {
            continue;
        }
        const model::TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(t)];
        const auto add = [&](parallel::RowRange rows) {
            parcels.push_back(
                {t, rows, static_cast<std::size_t>(rows.size()) * tensor.row_bytes()});
        };
        if (const int group = rows_of_group(catalogue, t, targets); group > 1) {
            add(share_of_groups(stream.ranks(), tensor.rows(), group));
            continue;
        }
        const parallel::RowRange mine = stream.share(tensor);
        tensor.matrix >= 0 ? add(mine) : parallel::for_each_slab(mine, tensor.row_bytes(), add);
    }
    return parcels;
}

/// Takes the parcels through one after another. While one is pruned, a background thread writes the
/// one before it and reads the one after it.
class StreamingRun {
  public:
    StreamingRun(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                 const model::Catalogue& catalogue, const PruneRequest& request, TensorStore& store)
        : ranks_(ranks),
          threads_(nodes.threads()),
          clock_(nodes.clock()),
          catalogue_(catalogue),
          request_(request),
          kept_zeros_(catalogue, request.mask),
          stream_(ranks, catalogue, store),
          sequence_(sequence_of(catalogue, store.order())),
          parcels_(parcels_of(stream_, catalogue, sequence_, request.targets, store)) {
        stream_.take_over_finished();
        std::size_t most = 0;
        for (const Parcel& parcel : parcels_) {
            most = std::max(most, parcel.bytes);
        }
        for (Slot& slot : slots_) {
            slot.room = std::make_unique_for_overwrite<std::byte[]>(most);
        }
        fetch(0);
    }

    /// The tensors in the order in which they pass.
    std::span<const int> sequence() const { return sequence_; }

    /// Collective: what this rank has of a tensor, and for matrices what all have.
    void pass(int tensor) {
        for (; next_ < parcels_.size() && parcels_[next_].tensor == tensor; ++next_) {
            problem_.guard(support::check_stop);
            fetch(next_ + 1);
            await(slot_of(next_).read, parallel::Work::read);
            // The rank takes part in the selection even when its reading has failed.
            const std::int64_t zeros = prune(next_);
            announce(next_);
            problem_.guard([&] { send(next_, zeros); });
        }
    }

    /// Collective: an error on any rank becomes everyone's.
    void agree() const {
        const auto waiting = clock_.during(parallel::Work::wait);
        alphaprune::parallel::agree(ranks_, problem_.get());
    }

    /// Collective, after all tensors.
    PrunedModel finish() {
        for (Slot& slot : slots_) {
            await(slot.written, parallel::Work::write);
        }
        agree();
        PrunedModel pruned{stream_.results(), {}};
        pruned.matrix_zeros = stream_.matrix_zeros(pruned.tensors);
        return pruned;
    }

  private:
    /// Parcels take turns in three of these: one is read, one pruned, one written.
    struct Slot {
        std::unique_ptr<std::byte[]> room;
        std::future<void> read;
        std::future<void> written;
    };

    Slot& slot_of(std::size_t parcel) { return slots_[parcel % slots_.size()]; }
    std::span<std::byte> bytes_of(std::size_t parcel) {
        return {slot_of(parcel).room.get(), parcels_[parcel].bytes};
    }
    const model::TensorInfo& tensor_of(const Parcel& parcel) const {
        return catalogue_.tensors[static_cast<std::size_t>(parcel.tensor)];
    }

    void fetch(std::size_t number) {
        if (number >= parcels_.size()) {
            return;
        }
        await(slot_of(number).written, parallel::Work::write);
        problem_.guard([&] {
            slot_of(number).read = background_.start([this, number] {
                const Parcel& parcel = parcels_[number];
                stream_.read(tensor_of(parcel), parcel.rows, bytes_of(number));
                kept_zeros_.apply(parcel.tensor, parcel.rows, bytes_of(number));
            });
        });
    }

    /// Nothing has been started where there was an error before.
    void await(std::future<void>& started, parallel::Work work) {
        const auto working = clock_.during(work);
        if (started.valid()) {
            started.wait();
            problem_.guard([&] { started.get(); });
        }
    }

    std::int64_t prune(std::size_t number) {
        const auto pruning = clock_.during(parallel::Work::prune);
        const model::TensorInfo& tensor = tensor_of(parcels_[number]);
        const std::span<std::byte> bytes = bytes_of(number);
        if (tensor.matrix < 0) {
            return static_cast<std::int64_t>(support::count_zeros(bytes, tensor.type));
        }
        for (const int matrix : model::matrices_of(catalogue_, parcels_[number].tensor)) {
            const model::MatrixInfo& info = catalogue_.matrices[static_cast<std::size_t>(matrix)];
            if (!info.is_slice()) {
                return prune_rows(ranks_, matrix, bytes);
            }
            prune_slice(matrix, parcels_[number].rows, bytes);
        }
        return static_cast<std::int64_t>(support::count_zeros(bytes, tensor.type));
    }

    /// @return zeros among the values
    std::int64_t prune_rows(const parallel::Communicator& ranks, int matrix,
                            std::span<std::byte> values) const {
        const auto number = static_cast<std::size_t>(matrix);
        const model::MatrixInfo& info = catalogue_.matrices[number];
        const pruning::StoredRows rows{values, catalogue_.tensor_of(info).scalar_type(), info.cols,
                                       info.transposed};
        return request_.pruner.prune_rows(ranks, threads_, rows, request_.targets[number],
                                          request_.settings);
    }

    /// What the rows have of one of the tensor's matrices: all of it or nothing, where it belongs
    /// to an expert, and then each rank prunes for itself.
    void prune_slice(int matrix, parallel::RowRange rows, std::span<std::byte> bytes) const {
        const model::MatrixInfo& info = catalogue_.matrices[static_cast<std::size_t>(matrix)];
        const model::TensorInfo& tensor = catalogue_.tensor_of(info);
        if (info.expert >= 0 && (info.expert < rows.begin || info.expert >= rows.end)) {
            return;
        }
        std::vector<std::byte> values = model::gather_values(info, tensor, rows, bytes);
        prune_rows(info.expert >= 0 ? self_ : ranks_, matrix, values);
        model::scatter_values(info, tensor, rows, values, bytes);
    }

    /// Collective for tensors to be announced, each of which is one parcel on every rank.
    void announce(std::size_t number) {
        const Parcel& parcel = parcels_[number];
        try {
            stream_.announce(parcel.tensor, parcel.rows, bytes_of(number));
        } catch (const support::Error& error) {  // on all ranks
            problem_.guard([&] { throw error; });
        }
    }

    void send(std::size_t number, std::int64_t zeros) {
        const Parcel& parcel = parcels_[number];
        const resume::WrittenRows rows =
            stream_.book(parcel.tensor, parcel.rows, bytes_of(number), zeros);
        slot_of(number).written =
            background_.start([this, number, rows] { stream_.write(rows, bytes_of(number)); });
    }

    const parallel::Communicator& ranks_;
    const parallel::ThreadPool& threads_;
    parallel::WorkClock& clock_;
    const parallel::Communicator self_ = parallel::Communicator::alone();
    const model::Catalogue& catalogue_;
    const PruneRequest& request_;
    KeptZeros kept_zeros_;
    TensorStream stream_;
    std::vector<int> sequence_;
    std::vector<Parcel> parcels_;
    std::size_t next_ = 0;
    support::FirstError problem_;
    std::array<Slot, 3> slots_;
    BackgroundThread background_;  // the last member: it uses the others
};

PrunedModel stream_model(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                         const model::Catalogue& catalogue, const PruneRequest& request,
                         TensorStore& store, const Progress& progress) {
    StreamingRun run(ranks, nodes, catalogue, request, store);
    const int total = static_cast<int>(catalogue.tensors.size());
    for (int done = 0; done < total; ++done) {
        run.pass(run.sequence()[static_cast<std::size_t>(done)]);
        constexpr int kAgreeEvery = 8;  // a fault stops everyone soon, without a wait per tensor
        if (done % kAgreeEvery == 0) {
            run.agree();
        }
        if (progress && ranks.is_root()) {
            progress(done + 1, total);
        }
    }
    return run.finish();
}

}  // namespace

PrunedModel prune_model(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                        const model::Catalogue& catalogue, const PruneRequest& request,
                        TensorStore& store, const Progress& progress) {
    assert(request.targets.size() == catalogue.matrices.size());
    return pruning::needs_activations(request.pruner, request.settings)
               ? prune_block_by_block(ranks, nodes, catalogue, request, store, progress)
               : stream_model(ranks, nodes, catalogue, request, store, progress);
}

}  // namespace alphaprune::phases
