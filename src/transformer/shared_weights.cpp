#include "shared_weights.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "aligned_floats.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::transformer {
namespace {

std::int64_t size_of(const model::TensorInfo& tensor) {
    return tensor.rows() * tensor.row_length();
}

/// Where each tensor starts, and the end of the last: each on a cache line of its own.
std::vector<std::size_t> starts_of(const model::Catalogue& catalogue,
                                   std::span<const int> tensors) {
    std::vector<std::size_t> starts{0};
    for (const int tensor : tensors) {
        const std::int64_t size = size_of(catalogue.tensors[static_cast<std::size_t>(tensor)]);
        starts.push_back(starts.back() + static_cast<std::size_t>(whole_lines(size)));
    }
    return starts;
}

}  // namespace

void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out) {
    constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;
    const support::ScalarType type = tensor.scalar_type();
    const std::int64_t length = tensor.row_length();
    assert(out.size() == static_cast<std::size_t>(rows.size() * length));
    const auto row_bytes = static_cast<std::int64_t>(tensor.row_bytes());
    if (row_bytes == 0) {
        return;
    }
    const std::int64_t rows_a_piece = std::clamp<std::int64_t>(
        kPieceBytes / row_bytes, 1, std::max<std::int64_t>(rows.size(), 1));
    std::vector<std::byte> stored(static_cast<std::size_t>(rows_a_piece * row_bytes));
    for (std::int64_t begin = rows.begin; begin < rows.end; begin += rows_a_piece) {
        const parallel::RowRange piece{begin, std::min(begin + rows_a_piece, rows.end)};
        const auto bytes =
            std::span(stored).first(static_cast<std::size_t>(piece.size() * row_bytes));
        source(tensor, piece, bytes);
        support::widen(bytes, type,
                       out.subspan(static_cast<std::size_t>((begin - rows.begin) * length),
                                   static_cast<std::size_t>(piece.size() * length)));
    }
}

SharedWeights::SharedWeights(const parallel::Communicator& node, const model::Catalogue& catalogue,
                             std::vector<int> tensors)
    : node_(&node),
      catalogue_(&catalogue),
      tensors_(std::move(tensors)),
      starts_(starts_of(catalogue, tensors_)),
      array_(node, static_cast<std::int64_t>(starts_.back())) {}

void SharedWeights::load(const model::RowSource& source) {
    array_.sync();  // others may still be reading what was there
    parallel::together(*node_, [&] {
        for (const int index : tensors_) {
            const model::TensorInfo& tensor = catalogue_->tensors[static_cast<std::size_t>(index)];
            const parallel::RowRange mine =
                parallel::share_of(tensor.rows(), node_->size(), node_->rank());
            if (!mine.empty()) {
                read_widened(source, tensor, mine,
                             values(index).subspan(
                                 static_cast<std::size_t>(mine.begin * tensor.row_length()),
                                 static_cast<std::size_t>(mine.size() * tensor.row_length())));
            }
        }
    });
    array_.sync();
}

std::span<const float> SharedWeights::values(int tensor) const {
    const model::TensorInfo& info = catalogue_->tensors[static_cast<std::size_t>(tensor)];
    return array_.values().subspan(start_of(tensor), static_cast<std::size_t>(size_of(info)));
}

std::span<float> SharedWeights::values(int tensor) {
    const model::TensorInfo& info = catalogue_->tensors[static_cast<std::size_t>(tensor)];
    return array_.values().subspan(start_of(tensor), static_cast<std::size_t>(size_of(info)));
}

std::uint64_t SharedWeights::bytes_for(const model::Catalogue& catalogue,
                                       std::span<const int> tensors) {
    return starts_of(catalogue, tensors).back() * sizeof(float);
}

std::size_t SharedWeights::start_of(int tensor) const {
    const auto found = std::ranges::find(tensors_, tensor);
    assert(found != tensors_.end());
    return starts_[static_cast<std::size_t>(found - tensors_.begin())];
}

}  // namespace alphaprune::transformer
