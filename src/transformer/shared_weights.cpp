#include "shared_weights.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <mutex>
#include <utility>

#include "alphaprune/model/matrix_slices.hpp"
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
                             std::vector<int> tensors, std::vector<TensorLayout> layouts,
                             const parallel::ThreadPool& threads)
    : node_(&node),
      threads_(&threads),
      catalogue_(&catalogue),
      tensors_(std::move(tensors)),
      layouts_(std::move(layouts)),
      starts_(starts_of(catalogue, tensors_)),
      array_(node, static_cast<std::int64_t>(starts_.back())) {
    layouts_.resize(tensors_.size());
}

void SharedWeights::load(const model::RowSource& source) {
    array_.sync();  // others may still be reading what was there
    parallel::run_collectively(*node_, [&] {
        for (const int tensor : tensors_) {
            load_share(tensor, source);
        }
    });
    array_.sync();
}

void SharedWeights::load_tensor(int tensor, const model::RowSource& source) {
    array_.sync();
    parallel::run_collectively(*node_, [&] { load_share(tensor, source); });
    array_.sync();
}

void SharedWeights::load_share(int index, const model::RowSource& source) {
    const TensorLayout& layout = layouts_[position_of(index)];
    const model::TensorInfo& stored = catalogue_->tensors[static_cast<std::size_t>(index)];
    const model::TensorInfo tensor = layout.layers.empty() ? stored : model::as_matrix_rows(stored);
    const parallel::RowRange mine = parallel::share_of(tensor.rows(), node_->size(), node_->rank());
    const auto size_of_rows = [&](std::int64_t rows) {
        return static_cast<std::size_t>(rows * tensor.row_length());
    };
    if (mine.empty()) {
        return;
    }
    std::mutex reading;  // a source is for one thread
    const model::RowSource in_turn = [&](const model::TensorInfo& of, parallel::RowRange rows,
                                         std::span<std::byte> out) {
        const std::scoped_lock lock(reading);
        source(of, rows, out);
    };
    constexpr std::size_t kStripBytes = std::size_t{4} << 20;
    const auto rows_of_strip = static_cast<std::int64_t>(
        kStripBytes / std::max<std::size_t>(size_of_rows(1) * sizeof(float), 1));
    threads_->run_slices(
        mine.size(), std::max<std::int64_t>(rows_of_strip, 1), [&](parallel::RowRange some) {
            const parallel::RowRange rows{mine.begin + some.begin, mine.begin + some.end};
            if (layout.is_as_stored()) {
                read_widened(
                    in_turn, tensor, rows,
                    values(index).subspan(size_of_rows(rows.begin), size_of_rows(rows.size())));
                return;
            }
            std::vector<float> strip(size_of_rows(rows.size()));
            read_widened(in_turn, tensor, rows, strip);
            lay_out(layout, rows, strip, values(index));
        });
}

void SharedWeights::stored_rows(int index, parallel::RowRange rows, std::span<float> out) const {
    const TensorLayout& layout = layouts_[position_of(index)];
    const model::TensorInfo& tensor = catalogue_->tensors[static_cast<std::size_t>(index)];
    assert(out.size() == static_cast<std::size_t>(rows.size() * tensor.row_length()));
    if (layout.is_as_stored()) {
        std::ranges::copy(
            values(index).subspan(static_cast<std::size_t>(rows.begin * tensor.row_length()),
                                  out.size()),
            out.begin());
        return;
    }
    const std::int64_t each =
        tensor.row_length() / (layout.transposed ? layout.stored_outputs : layout.inputs);
    put_together(layout, {rows.begin * each, rows.end * each}, values(index), out);
}

parallel::RowRange SharedWeights::place_of(int index, int expert,
                                           const model::OutputPattern& pattern,
                                           std::int64_t outputs) const {
    const TensorLayout& layout = layouts_[position_of(index)];
    if (layout.layers.empty()) {
        return {0, size_of(catalogue_->tensors[static_cast<std::size_t>(index)])};
    }
    const std::int64_t first = layout.first_row(expert, pattern, outputs);
    return {first * layout.inputs, (first + outputs) * layout.inputs};
}

std::span<const float> SharedWeights::outputs(int tensor, int expert,
                                              const model::OutputPattern& pattern,
                                              std::int64_t outputs) const {
    const parallel::RowRange place = place_of(tensor, expert, pattern, outputs);
    return values(tensor).subspan(static_cast<std::size_t>(place.begin),
                                  static_cast<std::size_t>(place.size()));
}

std::span<float> SharedWeights::outputs(int tensor, int expert, const model::OutputPattern& pattern,
                                        std::int64_t outputs) {
    const parallel::RowRange place = place_of(tensor, expert, pattern, outputs);
    return values(tensor).subspan(static_cast<std::size_t>(place.begin),
                                  static_cast<std::size_t>(place.size()));
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

std::size_t SharedWeights::position_of(int tensor) const {
    const auto found = std::ranges::find(tensors_, tensor);
    assert(found != tensors_.end());
    return static_cast<std::size_t>(found - tensors_.begin());
}

}  // namespace alphaprune::transformer
