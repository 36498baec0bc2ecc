#include "alphaprune/schedule/prune_phase.hpp"

#include <cassert>
#include <optional>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/schedule/weight_check.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune {
namespace {

/// Keeps the first error of this rank while the rank goes on taking part in what is collective.
class FirstError {
  public:
    template <class Action>
    void guard(Action action) {
        if (error_) {
            return;
        }
        try {
            action();
        } catch (const Error& error) {
            error_ = error;
        }
    }
    const std::optional<Error>& get() const { return error_; }

  private:
    std::optional<Error> error_;
};

/// One rank's part in streaming a model from its reader to its sink.
struct Stream {
    const Communicator& ranks;
    WeightReader reader;
    const RowSink& sink;
    std::vector<std::byte> buffer;

    RowRange share(const TensorInfo& tensor) const {
        return share_of(tensor.rows(), ranks.size(), ranks.rank());
    }
    void read(const TensorInfo& tensor, RowRange rows) {
        buffer.resize(static_cast<std::size_t>(rows.size()) * tensor.row_bytes());
        reader.read_rows(tensor, rows, buffer);
        require_finite(reader.catalogue(), tensor, buffer);
    }
    void deliver(int index, const TensorInfo& tensor, RowRange rows, PrunedTensor& result) {
        if (buffer.empty()) {
            return;
        }
        result.checksum +=
            checksum_of_rows(buffer, tensor.row_bytes(), static_cast<std::uint64_t>(rows.begin));
        sink(index, rows, buffer);
    }
};

void copy_tensor(Stream& stream, int index, const TensorInfo& tensor, PrunedTensor& result,
                 FirstError& problem) {
    problem.guard([&] {
        for_each_piece(tensor, stream.share(tensor), [&](RowRange rows) {
            stream.read(tensor, rows);
            result.zeros += static_cast<std::int64_t>(count_zeros(stream.buffer, tensor.type));
            stream.deliver(index, tensor, rows, result);
        });
    });
}

void prune_tensor(Stream& stream, int index, const TensorInfo& tensor, double ratio, Ties ties,
                  PrunedTensor& result, FirstError& problem) {
    const RowRange rows = stream.share(tensor);
    stream.buffer.assign(static_cast<std::size_t>(rows.size()) * tensor.row_bytes(),
                         std::byte{0});  // takes part in the selection even when reading fails
    problem.guard([&] { stream.read(tensor, rows); });
    result.zeros = prune_magnitude(stream.ranks, stream.buffer, tensor.type, ratio, ties);
    problem.guard([&] { stream.deliver(index, tensor, rows, result); });
}

void sum_over_ranks(const Communicator& ranks, std::vector<PrunedTensor>& tensors) {
    std::vector<std::uint64_t> wire;
    for (const PrunedTensor& tensor : tensors) {
        wire.push_back(tensor.checksum);
        wire.push_back(static_cast<std::uint64_t>(tensor.zeros));
    }
    ranks.all_reduce_sum(std::span(wire));
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        tensors[t].checksum = wire[2 * t];
        tensors[t].zeros = static_cast<std::int64_t>(wire[2 * t + 1]);
    }
}

}  // namespace

std::vector<PrunedTensor> prune_by_magnitude(const Communicator& ranks, const Catalogue& catalogue,
                                             std::span<const double> ratios, Ties ties,
                                             const RowSink& sink, const Progress& progress) {
    assert(ratios.size() == catalogue.matrices.size());
    Stream stream{ranks, WeightReader(catalogue), sink, {}};
    std::vector<PrunedTensor> results(catalogue.tensors.size());
    FirstError problem;
    const auto total = static_cast<std::int64_t>(results.size());
    for (int t = 0; t < static_cast<int>(total); ++t) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(t)];
        PrunedTensor& result = results[static_cast<std::size_t>(t)];
        if (tensor.matrix >= 0) {
            const double ratio = ratios[static_cast<std::size_t>(tensor.matrix)];
            prune_tensor(stream, t, tensor, ratio, ties, result, problem);
        } else {
            copy_tensor(stream, t, tensor, result, problem);
        }
        constexpr int kAgreeEvery = 8;  // a fault stops everyone soon, without a wait per tensor
        if (t % kAgreeEvery == 0) {
            agree(ranks, problem.get());
        }
        if (progress && ranks.is_root()) {
            progress(t + 1, total);
        }
    }
    agree(ranks, problem.get());
    sum_over_ranks(ranks, results);
    return results;
}

}  // namespace alphaprune
