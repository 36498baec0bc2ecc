#include "alphaprune/linalg/joint_products.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/slabs.hpp"
#include "blas.hpp"
#include "shared_columns.hpp"

namespace alphaprune::linalg {
namespace {

/// Rows and columns of the sums that are computed at a time, to be added from the cache: large ones
/// make products faster, small ones leave more to share.
struct TileSize {
    std::int64_t rows;
    std::int64_t cols;
};

TileSize tile_size(std::int64_t order) {
    return order < 2048 ? TileSize{128, 256} : TileSize{256, 512};
}

/// 1.5·2⁵²·2⁻³⁶: x + c − c, with c this many units, is x rounded to a multiple of 2⁻³⁶ units.
constexpr double kRounding = 1.5 * 65536.0;

/// That a thread takes at a time.
constexpr std::int64_t kValuesAtATime = 65536;

/// Rows and columns that are mirrored at a time, which a cache holds.
constexpr std::int64_t kMirrored = 16;

bool is_size(double square) {
    return square > 0 && std::isfinite(square);
}

/// Of x and each y together.
std::int64_t height_of(std::int64_t order, std::span<const std::int64_t> companions) {
    return std::accumulate(companions.begin(), companions.end(), order);
}

/// Mean of those that say how large an element is.
double typical_of(std::span<const double> squares, double otherwise) {
    double sum = 0;
    std::int64_t count = 0;
    for (const double square : squares) {
        sum += is_size(square) ? square : 0;
        count += is_size(square) ? 1 : 0;
    }
    return count > 0 ? sum / static_cast<double>(count) : otherwise;
}

/// Geometric mean of those: few large ones do not move it. 0 where there is none.
double middle_of(std::span<const double> squares) {
    double sum = 0;
    std::int64_t count = 0;
    for (const double square : squares) {
        sum += is_size(square) ? std::log2(square) : 0;
        count += is_size(square) ? 1 : 0;
    }
    return count > 0 ? std::exp2(sum / static_cast<double>(count)) : 0;
}

}  // namespace

JointProducts::JointProducts(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                             std::int64_t order, std::span<const std::int64_t> companions,
                             std::shared_ptr<parallel::NodeArray<float>> vectors)
    : ranks_(ranks), nodes_(nodes), parts_{{order, 0}}, vectors_(std::move(vectors)) {
    use_one_blas_thread();
    for (const std::int64_t size : companions) {
        parts_.push_back({size, height()});
    }
    const TileSize tile = tile_size(order);
    product_size_ = static_cast<std::size_t>(tile.rows * tile.cols);
    products_.resize(product_size_ * static_cast<std::size_t>(nodes.threads().size()));
    parallel::run_collectively(ranks_, [&] {
        sums_.emplace(nodes_.node(), height() * order);
        if (!vectors_) {
            vectors_ = std::make_shared<parallel::NodeArray<float>>(
                nodes_.node(), vectors_size(nodes_.node().size(), order, companions));
        }
    });
}

std::uint64_t JointProducts::node_memory(std::int64_t order,
                                         std::span<const std::int64_t> companions) {
    return static_cast<std::uint64_t>(height_of(order, companions) * order) * sizeof(double);
}

std::uint64_t JointProducts::thread_memory(std::int64_t order) {
    const TileSize tile = tile_size(order);
    return static_cast<std::uint64_t>(tile.rows * tile.cols) * sizeof(float);
}

std::int64_t JointProducts::tiles(std::int64_t order, std::span<const std::int64_t> companions) {
    const TileSize tile = tile_size(order);
    const auto across = [&](std::int64_t cols) { return (cols + tile.cols - 1) / tile.cols; };
    std::int64_t count = 0;
    for (std::int64_t row = 0; row < order; row += tile.rows) {
        count += across(order - row);
    }
    for (const std::int64_t size : companions) {
        count += (size + tile.rows - 1) / tile.rows * across(order);
    }
    return count;
}

std::int64_t JointProducts::vectors_size(int node_ranks, std::int64_t order,
                                         std::span<const std::int64_t> companions) {
    return node_ranks * kPiece * height_of(order, companions);
}

void JointProducts::add(std::span<const std::span<const float>> vectors, std::int64_t count) {
    assert(vectors.size() == parts_.size());
    if (units_.empty()) {
        std::int64_t first = count;
        ranks_.broadcast(std::span(&first, 1));
        if (first == 0) {
            wait(vectors, count);
            return;
        }
        choose_units(vectors, first, 0);
        add_waiting();
    }
    add_all(vectors, count);
}

void JointProducts::wait(std::span<const std::span<const float>> vectors, std::int64_t count) {
    Waiting& one = waiting_.emplace_back();
    one.count = count;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
        const auto size = static_cast<std::size_t>(count * parts_[p].height);
        one.vectors.emplace_back(vectors[p].begin(),
                                 vectors[p].begin() + static_cast<std::ptrdiff_t>(size));
    }
}

void JointProducts::add_waiting() {
    for (const Waiting& one : waiting_) {
        add_all(std::vector<std::span<const float>>(one.vectors.begin(), one.vectors.end()),
                one.count);
    }
    waiting_.clear();
}

void JointProducts::add_all(std::span<const std::span<const float>> vectors, std::int64_t count) {
    const std::int64_t most = nodes_.node().max(count);
    support::for_each_slab(std::int64_t{0}, most, kPiece,
                           [&](std::int64_t begin, std::int64_t end) {
                               add_piece(vectors, {std::min(begin, count), std::min(end, count)});
                           });
}

/// The power of two next to the norm of each element over a piece of the first vectors; where they
/// are fewer, what lacks counts as typical ones. An element that is zero there, as after a ReLU,
/// counts as a typical one of its part.
/// @param vectors, count  the first, on the rank that has them
void JointProducts::choose_units(std::span<const std::span<const float>> vectors,
                                 std::int64_t count, int first_rank) {
    units_.assign(static_cast<std::size_t>(height()), 0.0);
    count = std::min(count, kPiece);
    for (std::size_t p = 0; p < parts_.size() && ranks_.rank() == first_rank; ++p) {
        const std::int64_t size = parts_[p].height;
        for (std::int64_t t = 0; t < count; ++t) {
            for (std::int64_t i = 0; i < size; ++i) {
                const double value = vectors[p][static_cast<std::size_t>(t * size + i)];
                units_[static_cast<std::size_t>(parts_[p].first_row + i)] += value * value;
            }
        }
    }
    ranks_.broadcast(std::span(units_), first_rank);
    ranks_.broadcast(std::span(&count, 1), first_rank);
    const double lacking = static_cast<double>(kPiece - count) / static_cast<double>(count);
    double typical = 1;
    for (const Part& part : parts_) {
        const auto units = std::span(units_).subspan(static_cast<std::size_t>(part.first_row),
                                                     static_cast<std::size_t>(part.height));
        typical = typical_of(units, typical);
        const double more = lacking > 0 ? lacking * middle_of(units) : 0;
        for (double& unit : units) {
            const double square = (is_size(unit) ? unit : typical) + more;
            unit = std::exp2(std::ceil(std::log2(square) / 2));
        }
    }
}

float* JointProducts::vectors_of(int node_rank, const Part& part) {
    return vectors_->values().data() + (node_rank * height() + part.first_row) * kPiece;
}

void JointProducts::add_piece(std::span<const std::span<const float>> vectors,
                              parallel::RowRange piece) {
    const parallel::Communicator& node = nodes_.node();
    for (std::size_t p = 0; p < parts_.size(); ++p) {
        const std::int64_t size = parts_[p].height;
        const auto values = vectors[p].subspan(static_cast<std::size_t>(piece.begin * size),
                                               static_cast<std::size_t>(piece.size() * size));
        std::ranges::copy(values, vectors_of(node.rank(), parts_[p]));
    }
    const std::vector<std::int64_t> counts = [&] {
        const auto waiting = nodes_.clock().during(parallel::Work::wait);
        std::vector<std::int64_t> all = node.all_gather(piece.size());
        vectors_->sync();
        return all;
    }();
    const std::vector<Tile> tiles = own_tiles();
    nodes_.threads().run(
        static_cast<std::int64_t>(tiles.size()), [&](std::int64_t tile, int thread) {
            add_products(tiles[static_cast<std::size_t>(tile)], counts,
                         std::span(products_).subspan(
                             static_cast<std::size_t>(thread) * product_size_, product_size_));
        });
    const auto waiting = nodes_.clock().during(parallel::Work::wait);
    vectors_->sync();
}

/// In turn, those of the ranks of the node. Of the symmetric sums those at and above the diagonal.
std::vector<JointProducts::Tile> JointProducts::own_tiles() const {
    std::vector<Tile> own;
    int turn = 0;
    const TileSize tile = tile_size(order());
    for (const Part& part : parts_) {
        support::for_each_slab(
            std::int64_t{0}, part.height, tile.rows, [&](std::int64_t row, std::int64_t end) {
                const std::int64_t first = &part == &parts_.front() ? row : 0;
                support::for_each_slab(
                    first, order(), tile.cols, [&](std::int64_t col, std::int64_t col_end) {
                        if (turn++ % nodes_.node().size() == nodes_.node().rank()) {
                            own.push_back({&part, {row, end}, {col, col_end}});
                        }
                    });
            });
    }
    return own;
}

void JointProducts::add_products(const Tile& tile, std::span<const std::int64_t> counts,
                                 std::span<float> product) {
    const int m = static_cast<int>(tile.cols.size());
    const int n = static_cast<int>(tile.rows.size());
    const int x_stride = static_cast<int>(order());
    const int y_stride = static_cast<int>(tile.part->height);
    const float one = 1;
    const float zero = 0;
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
        if (counts[rank] == 0) {
            continue;
        }
        const int k = static_cast<int>(counts[rank]);
        const auto node_rank = static_cast<int>(rank);
        const float* const x = vectors_of(node_rank, parts_.front()) + tile.cols.begin;
        const float* const y = vectors_of(node_rank, *tile.part) + tile.rows.begin;
        sgemm_("N", "T", &m, &n, &k, &one, x, &x_stride, y, &y_stride, &zero, product.data(), &m, 1,
               1);
        round_and_add(tile, product);
    }
}

void JointProducts::round_and_add(const Tile& tile, std::span<const float> product) {
    const double* const col_units = units_.data() + tile.cols.begin;
    const std::int64_t width = tile.cols.size();
    for (std::int64_t i = 0; i < tile.rows.size(); ++i) {
        const std::int64_t row = tile.part->first_row + tile.rows.begin + i;
        const double unit = kRounding * units_[static_cast<std::size_t>(row)];
        double* const sums = sums_->values().data() + row * order() + tile.cols.begin;
        const float* const products = product.data() + i * width;
        for (std::int64_t j = 0; j < width; ++j) {
            const double rounding = unit * col_units[j];
            sums[j] += (products[j] + rounding) - rounding;
        }
    }
}

/// The first rank has had no vectors.
void JointProducts::choose_from_waiting() {
    const auto first =
        std::ranges::find_if(waiting_, [](const Waiting& one) { return one.count > 0; });
    const bool has_some = first != waiting_.end();
    const int first_rank = ranks_.min(has_some ? ranks_.rank() : ranks_.size());
    if (first_rank == ranks_.size()) {
        waiting_.clear();
    } else if (has_some) {
        const std::vector<std::span<const float>> vectors(first->vectors.begin(),
                                                          first->vectors.end());
        choose_units(vectors, first->count, first_rank);
    } else {
        choose_units({}, 0, first_rank);
    }
}

/// Each row by the ranks of one line, in pieces: of the symmetric sums what is computed.
void JointProducts::sum_over_nodes() {
    constexpr std::size_t kPieceValues = std::size_t{1} << 17;
    const int line = nodes_.node().rank();
    if (nodes_.nodes() == 1 || line >= nodes_.lines()) {
        return;
    }
    const std::int64_t tile_rows = tile_size(order()).rows;
    const auto own_row = [&](std::int64_t row) {
        const std::int64_t first = row < order() ? row / tile_rows * tile_rows : 0;
        return sums_->values().subspan(static_cast<std::size_t>(row * order() + first),
                                       static_cast<std::size_t>(order() - first));
    };
    std::vector<double> piece;
    std::vector<std::span<double>> rows;
    const auto sum_piece = [&] {
        nodes_.sum_over_nodes(piece);
        auto from = piece.begin();
        for (const std::span<double> row : rows) {
            std::copy_n(from, row.size(), row.begin());
            from += std::ssize(row);
        }
        piece.clear();
        rows.clear();
    };
    for (std::int64_t row = line; row < height(); row += nodes_.lines()) {
        rows.push_back(own_row(row));
        piece.insert(piece.end(), rows.back().begin(), rows.back().end());
        if (piece.size() >= kPieceValues) {
            sum_piece();
        }
    }
    sum_piece();
}

void JointProducts::finish() {
    if (!waiting_.empty()) {
        choose_from_waiting();
        add_waiting();
    }
    sums_->sync();
    sum_over_nodes();
    sums_->sync();
    mirror();
    vectors_.reset();
}

void JointProducts::blend(const JointProducts& other, double times) {
    sums_->sync();  // a rank may still be reading
    assert(other.order() == order() && other.height() == height());
    const parallel::Communicator& node = nodes_.node();
    const auto rows = parallel::share_of(height(), node.size(), node.rank());
    double* const own = sums_->values().data() + rows.begin * order();
    const double* const others = other.sums_->values().data() + rows.begin * order();
    nodes_.threads().run_slices(rows.size() * order(), kValuesAtATime,
                                [&](parallel::RowRange some) {
                                    for (std::int64_t at = some.begin; at < some.end; ++at) {
                                        own[at] += times * others[at];
                                    }
                                });
    sums_->sync();
}

void JointProducts::add_to_diagonal(double value) {
    sums_->sync();  // a rank may still be reading
    const parallel::Communicator& node = nodes_.node();
    const auto rows = parallel::share_of(order(), node.size(), node.rank());
    for (std::int64_t j = rows.begin; j < rows.end; ++j) {
        sums_->values()[static_cast<std::size_t>(j * (order() + 1))] += value;
    }
    sums_->sync();
}

/// The lower triangle of the symmetric sums.
void JointProducts::mirror() {
    double* const sums = sums_->values().data();
    const std::int64_t n = order();
    const std::int64_t strips = (n + kMirrored - 1) / kMirrored;
    share_columns(nodes_.node(), nodes_.threads(), strips, [&](std::int64_t strip) {
        const std::int64_t first = strip * kMirrored;
        const std::int64_t end = std::min(first + kMirrored, n);
        for (std::int64_t left = 0; left <= first; left += kMirrored) {
            for (std::int64_t i = first; i < end; ++i) {
                for (std::int64_t j = left; j < std::min(left + kMirrored, i); ++j) {
                    sums[i * n + j] = sums[j * n + i];
                }
            }
        }
    });
    sums_->sync();
}

}  // namespace alphaprune::linalg
