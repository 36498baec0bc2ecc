#include "shared_weights.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"
#include "scratch_cutter.hpp"

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
    constexpr std::uint64_t kReadBytes = std::uint64_t{4} << 20;
    const std::int64_t length = tensor.row_length();
    assert(out.size() == static_cast<std::size_t>(rows.size() * length));
    if (tensor.row_bytes() == 0) {
        return;
    }
    std::vector<std::byte> stored;
    const auto read = [&](parallel::RowRange slab) {
        stored.resize(static_cast<std::size_t>(slab.size()) * tensor.row_bytes());
        source(tensor, slab, stored);
        support::widen(stored, tensor.scalar_type(),
                       out.subspan(static_cast<std::size_t>((slab.begin - rows.begin) * length),
                                   static_cast<std::size_t>(slab.size() * length)));
    };
    parallel::for_each_slab(rows, tensor.row_bytes(), read, kReadBytes);
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
    parallel::run_collectively(*node_, [&] {
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
