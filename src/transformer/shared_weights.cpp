#include "alphaprune/transformer/shared_weights.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "aligned_floats.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "read_widened.hpp"

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

SharedWeights::SharedWeights(const parallel::Communicator& node, const model::Catalogue& catalogue,
                             std::vector<int> tensors)
    : node_(&node),
      catalogue_(&catalogue),
      tensors_(std::move(tensors)),
      starts_(starts_of(catalogue, tensors_)),
      array_(node, static_cast<std::int64_t>(starts_.back())) {}

void SharedWeights::load(const model::RowSource& source) {
    array_.sync();  // others may still be reading what was there
    parallel::run_collectively(*node_, [&] {
        for (const int index : tensors_) {
            const model::TensorInfo& tensor = catalogue_->tensors[static_cast<std::size_t>(index)];
            const parallel::RowRange mine =
                parallel::share_of(tensor.rows(), node_->size(), node_->rank());
            if (!mine.empty()) {
                read_widened(source, tensor, mine, rows(index, mine));
            }
        }
    });
    array_.sync();
}

std::span<const float> SharedWeights::values(int tensor) const {
    const model::TensorInfo& info = catalogue_->tensors[static_cast<std::size_t>(tensor)];
    return array_.values().subspan(start_of(tensor), static_cast<std::size_t>(size_of(info)));
}

std::span<float> SharedWeights::rows(int tensor, parallel::RowRange rows) {
    const model::TensorInfo& info = catalogue_->tensors[static_cast<std::size_t>(tensor)];
    assert(0 <= rows.begin && rows.begin <= rows.end && rows.end <= info.rows());
    return array_.values().subspan(
        start_of(tensor) + static_cast<std::size_t>(rows.begin * info.row_length()),
        static_cast<std::size_t>(rows.size() * info.row_length()));
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
