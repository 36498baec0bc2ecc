#include "row_exchange.hpp"

#include <algorithm>
#include <utility>

namespace alphaprune::linalg {
namespace {

struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t size() const { return std::max<std::int64_t>(0, end - begin); }
};

Range overlap(Range a, Range b) {
    return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

/// What one rank sends to, or receives from, each of the others.
struct Parcels {
    std::vector<int> counts;
    std::vector<int> starts;
    int total = 0;

    void add(std::int64_t count) {
        counts.push_back(static_cast<int>(count));
        starts.push_back(total);
        total += static_cast<int>(count);
    }
};

/// The numbers of each rank's vectors.
std::vector<Range> numbered(const std::vector<std::int64_t>& counts) {
    std::vector<Range> ranges;
    std::int64_t at = 0;
    for (const std::int64_t count : counts) {
        ranges.push_back({at, at + count});
        at += count;
    }
    return ranges;
}

/// Appends the values that fall to one part of the rows, vector after vector.
void pack(std::span<const float> vectors, Range chosen, const CyclicDimension& rows,
          std::vector<float>& out) {
    const std::int64_t share = rows.local_size();
    for (std::int64_t v = chosen.begin; v < chosen.end; ++v) {
        const float* const vector = vectors.data() + v * rows.size;
        for (std::int64_t at = 0; at < share; at = rows.run_end(at)) {
            const float* const run = vector + rows.global_of(at);
            out.insert(out.end(), run, run + (rows.run_end(at) - at));
        }
    }
}

}  // namespace

SpreadVectors spread_vectors(const parallel::Communicator& group, const BlacsGrid& grid,
                             const CyclicDimension& rows, std::span<const float> vectors,
                             std::int64_t count) {
    const std::vector<Range> numbers = numbered(group.all_gather(count));
    const GridShape shape = grid.shape();
    const std::int64_t total = numbers.back().end;
    const std::int64_t piece = std::max<std::int64_t>(1, (total + shape.cols - 1) / shape.cols);
    const Range mine = numbers[static_cast<std::size_t>(group.rank())];
    const auto piece_of = [&](int col) { return Range{col * piece, (col + 1) * piece}; };

    Parcels sent;
    std::vector<float> packed;
    packed.reserve(vectors.size());
    for (int rank = 0; rank < group.size(); ++rank) {
        const std::size_t before = packed.size();
        if (rank < shape.ranks()) {  // the grid is dealt out by columns
            const CyclicDimension theirs{rows.size, rows.block, shape.rows, rank % shape.rows};
            const Range chosen = overlap(mine, piece_of(rank / shape.rows));
            pack(vectors, {chosen.begin - mine.begin, chosen.end - mine.begin}, theirs, packed);
        }
        sent.add(static_cast<std::int64_t>(packed.size() - before));
    }

    SpreadVectors spread{{rows, grid.over_cols(total, piece)}, {}};
    Parcels received;
    for (const Range& theirs : numbers) {
        const std::int64_t vectors_here =
            grid.member() ? overlap(theirs, piece_of(grid.col())).size() : 0;
        received.add(vectors_here * rows.local_size());
    }
    // What comes is in the order of ranks, thus of vectors: it is the local matrix, column-major.
    spread.local.resize(static_cast<std::size_t>(received.total));
    if (group.size() == 1) {
        spread.local = std::move(packed);
        return spread;
    }
    parallel::check_mpi(
        MPI_Alltoallv(packed.data(), sent.counts.data(), sent.starts.data(),
                      parallel::mpi_type<float>(), spread.local.data(), received.counts.data(),
                      received.starts.data(), parallel::mpi_type<float>(), group.native()),
        "MPI_Alltoallv");
    return spread;
}

}  // namespace alphaprune::linalg
