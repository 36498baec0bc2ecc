#include "alphaprune/linalg/node_sums.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::linalg {
namespace {

/// Values of a rank at a time: 32 MiB.
constexpr std::int64_t kPiece = std::int64_t{1} << 22;

/// Of a piece: whole rows, at least one.
std::int64_t piece_of(std::int64_t order) {
    return std::max(kPiece / order, std::int64_t{1}) * order;
}

/// From row `begin` on as many as make a piece, and of Σ x xᵀ what is right of its first diagonal
/// element.
Rectangle next_part(std::int64_t begin, std::int64_t height, std::int64_t order) {
    const bool is_symmetric = begin < order;
    const std::int64_t first_col = is_symmetric ? begin : 0;
    const std::int64_t rows = piece_of(order) / (order - first_col);
    return {begin, std::min(begin + rows, is_symmetric ? order : height), first_col, order};
}

/// The first of them becomes the sum of all.
/// @param pieces  one after another, each of so many values, of which some count
void add_pieces(double* pieces, std::int64_t stride, int count, parallel::RowRange some) {
    for (int piece = 1; piece < count; ++piece) {
        const double* const added = pieces + piece * stride;
        for (std::int64_t at = some.begin; at < some.end; ++at) {
            pieces[at] += added[at];
        }
    }
}

}  // namespace

std::uint64_t NodeSums::node_memory(int node_ranks, std::int64_t order) {
    return static_cast<std::uint64_t>(node_ranks * piece_of(order)) * sizeof(double);
}

void NodeSums::make_room(const parallel::Communicator& ranks, const parallel::Communicator& node,
                         std::int64_t order) {
    const std::int64_t needed = node.size() * piece_of(order);
    if (room_ && std::ssize(room_->values()) >= needed) {
        return;
    }
    pinned_.reset();
    room_.reset();
    parallel::run_collectively(ranks, [&] { room_.emplace(node, needed); });
    if (lane_ != nullptr) {
        pinned_ = std::make_unique<PinnedRange>(*lane_, std::as_writable_bytes(room_->values()));
    }
}

void NodeSums::add_up(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                      FarSums& own, std::int64_t order) {
    constexpr std::int64_t kAtATime = 1 << 14;  // values that a thread takes
    const parallel::Communicator& node = nodes.node();
    make_room(ranks, node, order);
    const std::int64_t stride = std::ssize(room_->values()) / node.size();
    double* const pieces = room_->values().data();
    support::FirstError problem;
    const std::int64_t height = own.height();
    for (std::int64_t row = 0; row < height;) {
        const Rectangle part = next_part(row, height, order);
        const auto values = static_cast<std::size_t>(part.size());
        problem.guard([&] { own.take(part, {pieces + node.rank() * stride, values}); });
        room_->sync();
        const parallel::RowRange mine = parallel::share_of(part.size(), node.size(), node.rank());
        nodes.threads().run_slices(mine.size(), kAtATime, [&](parallel::RowRange some) {
            add_pieces(pieces, stride, node.size(),
                       {mine.begin + some.begin, mine.begin + some.end});
        });
        room_->sync();
        if (nodes.nodes() > 1) {
            if (node.rank() < nodes.lines()) {
                const auto line = parallel::share_of(part.size(), nodes.lines(), node.rank());
                nodes.sum_over_nodes({pieces + line.begin, static_cast<std::size_t>(line.size())});
            }
            room_->sync();
        }
        problem.guard([&] { own.put(part, {pieces, values}); });
        room_->sync();
        row = part.row_end;
    }
    parallel::agree(ranks, problem.get());
}

}  // namespace alphaprune::linalg
