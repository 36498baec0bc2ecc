#include "pruned_outputs.hpp"

#include <atomic>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/scalar.hpp"
#include "block_sites.hpp"

namespace alphaprune::phases {
namespace {

const support::Failure<std::size_t, std::string_view, std::string> kBeyondRange{
    "phases.weights-beyond-range", "{} pruned weights are beyond the range of {}",
    "the pruner corrects the weights that stay, and a correction was too large for their type",
    "ask for a lower sparsity ratio, or prune with a method that changes no other weights "
    "(--prune-method {2})"};

/// Rows are rounded so many values at a time, which stay in the cache.
constexpr std::int64_t kRoundedAtATime = 1 << 15;

/// @param bad  weights that are not finite in their stored type
void require_in_range(const model::Catalogue& catalogue, const model::TensorInfo& tensor,
                      std::size_t bad) {
    if (bad > 0) {
        throw kBeyondRange(model::place_of(catalogue, tensor), bad, tensor.type.name(),
                           pruning::pruners_that_keep_weights());
    }
}

}  // namespace

void round_to_stored(const parallel::ThreadPool& threads, const model::Catalogue& catalogue,
                     const model::TensorInfo& tensor, std::span<float> rows) {
    const support::ScalarType type = tensor.scalar_type();
    std::atomic<std::size_t> bad = 0;
    threads.run_slices(std::ssize(rows), kRoundedAtATime, [&](parallel::RowRange slice) {
        const auto some = rows.subspan(static_cast<std::size_t>(slice.begin),
                                       static_cast<std::size_t>(slice.size()));
        std::vector<std::byte> stored(some.size() * support::size_of(type));
        support::narrow(some, type, stored);
        bad += support::count_non_finite(stored, type);
        support::widen(stored, type, some);
    });
    require_in_range(catalogue, tensor, bad.load());
}

bool prunes_where_rows_are(const transformer::BlockRunner& runner, const PruneRequest& request) {
    if (!runner.can_drop()) {
        return false;
    }
    return request.pruner.needs == pruning::PrunerNeeds::targets ||
           (request.mask == nullptr && input_needs(request) == transformer::InputNeeds::squares);
}

void prune_there(pruning::SiteMatrix& pruned, transformer::BlockRunner& runner,
                 const PruneRequest& request, const model::Catalogue& catalogue, int matrix,
                 parallel::RowRange outputs) {
    const model::MatrixInfo& info = catalogue.matrices[static_cast<std::size_t>(matrix)];
    if (request.pruner.needs == pruning::PrunerNeeds::targets) {
        pruned.far = {
            outputs.size(),
            [&runner, matrix, outputs](float* to) { runner.take_rows(matrix, outputs, to); },
            [&runner, &catalogue, &info, matrix, outputs](const float* from) {
                const std::int64_t bad = runner.put_rows(matrix, outputs, from);
                require_in_range(catalogue, catalogue.tensor_of(info),
                                 static_cast<std::size_t>(bad));
            }};
        return;
    }
    pruned.drop = [&runner, matrix, outputs](std::span<const float> norms,
                                             const pruning::PruneTarget& target) {
        transformer::RowDrop drop;
        if (target.pattern) {
            drop.group = target.pattern->group;
            drop.removed = target.pattern->removed;
        } else {
            drop.dropped = pruning::dropped_of_row(std::ssize(norms), target.ratio);
        }
        return runner.drop_lowest(matrix, outputs, norms, drop);
    };
}

OutputExchange::OutputExchange(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                               const model::Catalogue& catalogue, std::int64_t room_bytes)
    : ranks_(ranks), nodes_(nodes), catalogue_(catalogue), room_bytes_(room_bytes) {
    order_.resize(static_cast<std::size_t>(ranks.size()));
    std::iota(order_.begin(), order_.end(), 0);
    std::ranges::stable_sort(order_, {}, [&](int rank) { return nodes.node_of(rank); });
}

void OutputExchange::share(transformer::BlockRunner& runner, int matrix) {
    {
        const auto waiting = nodes_.clock().during(parallel::Work::wait);
        runner.sync();
    }
    if (nodes_.nodes() == 1) {
        runner.replaced(matrix);
        return;
    }
    const auto exchanging = nodes_.clock().during(parallel::Work::exchange);
    const model::MatrixInfo& info = catalogue_.matrices[static_cast<std::size_t>(matrix)];
    const auto size =
        static_cast<std::int64_t>(support::size_of(catalogue_.tensor_of(info).scalar_type()));
    const std::int64_t cols = info.inputs();
    const std::int64_t most = parallel::share_of(info.outputs(), ranks_.size(), 0).size();
    const std::int64_t values = std::max<std::int64_t>(room_bytes_ / size / ranks_.size(), 1);
    const std::int64_t high = std::clamp<std::int64_t>(values / cols, 1, most);
    const std::int64_t wide = std::min(values, cols);
    for (std::int64_t row = 0; row < most; row += high) {
        for (std::int64_t col = 0; col < cols; col += wide) {
            share_piece(runner, matrix, {row, high, {col, std::min(col + wide, cols)}});
        }
    }
    runner.replaced(matrix);
}

parallel::RowRange OutputExchange::rows_of(int matrix, int rank, const Piece& piece) const {
    const model::MatrixInfo& info = catalogue_.matrices[static_cast<std::size_t>(matrix)];
    const parallel::RowRange all = parallel::share_of(info.outputs(), ranks_.size(), rank);
    return {std::min(all.begin + piece.first_row, all.end),
            std::min(all.begin + piece.first_row + piece.rows, all.end)};
}

std::span<std::byte> OutputExchange::room_for(std::int64_t bytes) {
    const std::int64_t count = (bytes + 3) / static_cast<std::int64_t>(sizeof(float));
    if (!room_ || std::ssize(room_->values()) < count) {
        room_.reset();
        parallel::run_collectively(ranks_, [&] { room_.emplace(nodes_.node(), count); });
    }
    return std::as_writable_bytes(room_->values()).first(static_cast<std::size_t>(bytes));
}

void OutputExchange::share_piece(transformer::BlockRunner& runner, int matrix, const Piece& piece) {
    const model::MatrixInfo& info = catalogue_.matrices[static_cast<std::size_t>(matrix)];
    const support::ScalarType type = catalogue_.tensor_of(info).scalar_type();
    const auto row_bytes = piece.cols.size() * static_cast<std::int64_t>(support::size_of(type));
    std::vector<std::int64_t> of_nodes(static_cast<std::size_t>(nodes_.nodes()));
    std::vector<std::int64_t> begins;  // of the ranks, in their order
    std::int64_t total = 0;
    for (const int rank : order_) {
        begins.push_back(total);
        const std::int64_t bytes = rows_of(matrix, rank, piece).size() * row_bytes;
        of_nodes[static_cast<std::size_t>(nodes_.node_of(rank))] += bytes;
        total += bytes;
    }
    parallel::Communicator::Parts parts;
    for (const std::int64_t bytes : of_nodes) {
        parts.add(bytes);
    }
    const std::span<std::byte> room = room_for(total);
    const auto for_each_row = [&](std::size_t place, const auto& use) {
        const parallel::RowRange rows = rows_of(matrix, order_[place], piece);
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
            const std::int64_t at = begins[place] + (row - rows.begin) * row_bytes;
            use(runner.rows(matrix, {row, row + 1})
                    .subspan(static_cast<std::size_t>(piece.cols.begin),
                             static_cast<std::size_t>(piece.cols.size())),
                room.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(row_bytes)));
        }
    };
    const auto own =
        static_cast<std::size_t>(std::ranges::find(order_, ranks_.rank()) - order_.begin());
    for_each_row(own, [&](std::span<float> values, std::span<std::byte> stored) {
        support::narrow(values, type, stored);
    });
    room_->sync();
    nodes_.gather_over_nodes(room, parts);
    room_->sync();
    // Rows of other nodes, shared out over the ranks of this one.
    const int here = nodes_.node_of(ranks_.rank());
    for (std::size_t place = 0; place < order_.size(); ++place) {
        const bool is_mine = static_cast<int>(place) % nodes_.node().size() == nodes_.node().rank();
        if (is_mine && nodes_.node_of(order_[place]) != here) {
            for_each_row(place, [&](std::span<float> values, std::span<std::byte> stored) {
                support::widen(stored, type, values);
            });
        }
    }
    room_->sync();
}

}  // namespace alphaprune::phases
