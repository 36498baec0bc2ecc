#include "shared_weights.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
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
                                   std::span<const SharedWeights::Held> tensors) {
    constexpr std::size_t kLine = kLineFloats * sizeof(float);
    std::vector<std::size_t> starts{0};
    for (const SharedWeights::Held& held : tensors) {
        const auto values = static_cast<std::size_t>(
            size_of(catalogue.tensors[static_cast<std::size_t>(held.tensor)]));
        const std::size_t bytes = values * support::size_of(held.type);
        starts.push_back(starts.back() + (bytes + kLine - 1) / kLine * kLine);
    }
    return starts;
}

template <class Value>
std::span<const Value> as_values(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const Value*>(bytes.data()), bytes.size() / sizeof(Value)};
}
template <class Value>
std::span<Value> as_values(std::span<std::byte> bytes) {
    return {reinterpret_cast<Value*>(bytes.data()), bytes.size() / sizeof(Value)};
}

/// Calls use() with a value of the size of the type: layouts move values whatever they mean.
template <class Use>
void with_size_of(support::ScalarType type, Use use) {
    support::size_of(type) == sizeof(float) ? use(float{}) : use(std::uint16_t{});
}

/// Large enough and not twice what is needed.
bool suits(const SharedWeights::Memory& memory, std::size_t bytes) {
    const std::size_t room = memory ? memory->values().size_bytes() : 0;
    return memory && bytes <= room && room <= 2 * bytes;
}

parallel::NodeArray<float> memory_of(const parallel::Communicator& node, std::size_t bytes,
                                     SharedWeights::Memory memory) {
    if (suits(memory, bytes)) {
        return std::move(*memory);
    }
    memory.reset();
    return {node, static_cast<std::int64_t>(bytes / sizeof(float))};
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
                             std::vector<Held> tensors, const parallel::ThreadPool& threads,
                             Memory memory)
    : node_(&node),
      threads_(&threads),
      catalogue_(&catalogue),
      tensors_(std::move(tensors)),
      starts_(starts_of(catalogue, tensors_)),
      array_(memory_of(node, starts_.back(), std::move(memory))) {}

void SharedWeights::load(const model::RowSource& source) {
    array_->sync();  // others may still be reading what was there
    parallel::run_collectively(*node_, [&] {
        for (const Held& one : tensors_) {
            load_share(one, source);
        }
    });
    array_->sync();
}

void SharedWeights::load_tensor(int tensor, const model::RowSource& source) {
    array_->sync();
    parallel::run_collectively(*node_, [&] { load_share(held(tensor), source); });
    array_->sync();
}

void SharedWeights::load_share(const Held& one, const model::RowSource& source) {
    const TensorLayout& layout = one.layout;
    const model::TensorInfo& stored = catalogue_->tensors[static_cast<std::size_t>(one.tensor)];
    const model::TensorInfo tensor = layout.layers.empty() ? stored : model::as_matrix_rows(stored);
    const parallel::RowRange mine = parallel::share_of(tensor.rows(), node_->size(), node_->rank());
    if (mine.empty() || tensor.row_bytes() == 0) {
        return;
    }
    const bool keeps_type = one.type == tensor.scalar_type();
    const auto size_of_rows = [&](std::int64_t rows) {
        return static_cast<std::size_t>(rows * tensor.row_length()) * support::size_of(one.type);
    };
    const auto read = [&](parallel::RowRange rows, std::span<std::byte> out) {
        keeps_type ? source(tensor, rows, out)
                   : read_widened(source, tensor, rows, as_values<float>(out));
    };
    constexpr std::size_t kStripBytes = std::size_t{4} << 20;
    const auto rows_of_strip =
        static_cast<std::int64_t>(kStripBytes / std::max<std::size_t>(size_of_rows(1), 1));
    threads_->run_slices(
        mine.size(), std::max<std::int64_t>(rows_of_strip, 1), [&](parallel::RowRange some) {
            const parallel::RowRange rows{mine.begin + some.begin, mine.begin + some.end};
            if (layout.is_as_stored()) {
                read(
                    rows,
                    bytes(one.tensor).subspan(size_of_rows(rows.begin), size_of_rows(rows.size())));
                return;
            }
            std::vector<std::byte> strip(size_of_rows(rows.size()));
            read(rows, strip);
            with_size_of(one.type, [&](auto value) {
                using Value = decltype(value);
                lay_out(layout, rows, as_values<Value>(std::span<const std::byte>(strip)),
                        as_values<Value>(bytes(one.tensor)));
            });
        });
}

std::span<const std::byte> SharedWeights::stored_rows(int index, parallel::RowRange rows,
                                                      std::vector<std::byte>& room) const {
    const auto& [tensor_index, layout, type] = held(index);
    const model::TensorInfo& tensor = catalogue_->tensors[static_cast<std::size_t>(tensor_index)];
    const support::ScalarType stored = tensor.scalar_type();
    const auto count = static_cast<std::size_t>(rows.size() * tensor.row_length());
    const auto put_in_room = [&](std::span<const std::byte> values) {
        room.resize(count * support::size_of(stored));
        support::narrow(as_values<float>(values), stored, room);
        return std::span<const std::byte>(room);
    };
    if (layout.is_as_stored()) {
        const std::size_t size = support::size_of(type);
        const auto here = bytes(index).subspan(
            static_cast<std::size_t>(rows.begin * tensor.row_length()) * size, count * size);
        return type == stored ? here : put_in_room(here);
    }
    const std::int64_t each =
        tensor.row_length() / (layout.transposed ? layout.stored_outputs : layout.inputs);
    std::vector<std::byte> widened;
    std::vector<std::byte>& out = type == stored ? room : widened;
    out.resize(count * support::size_of(type));
    with_size_of(type, [&, &laid = layout](auto value) {
        using Value = decltype(value);
        put_together(laid, {rows.begin * each, rows.end * each}, as_values<Value>(bytes(index)),
                     as_values<Value>(std::span(out)));
    });
    return type == stored ? std::span<const std::byte>(room) : put_in_room(widened);
}

std::pair<std::size_t, std::size_t> SharedWeights::place_of(int tensor) const {
    const std::size_t position = position_of(tensor);
    const model::TensorInfo& info = catalogue_->tensors[static_cast<std::size_t>(tensor)];
    const std::size_t begin = starts_[position];
    return {begin, begin + static_cast<std::size_t>(size_of(info)) *
                               support::size_of(tensors_[position].type)};
}

parallel::RowRange SharedWeights::place_of(int index, int expert,
                                           const model::OutputPattern& pattern,
                                           std::int64_t outputs) const {
    const TensorLayout& layout = held(index).layout;
    if (layout.layers.empty()) {
        return {0, size_of(catalogue_->tensors[static_cast<std::size_t>(index)])};
    }
    const std::int64_t first = layout.first_row(expert, pattern, outputs);
    return {first * layout.inputs, (first + outputs) * layout.inputs};
}

std::span<const std::byte> SharedWeights::bytes(int tensor) const {
    const auto [begin, end] = place_of(tensor);
    return std::as_bytes(array_->values()).subspan(begin, end - begin);
}

std::span<std::byte> SharedWeights::bytes(int tensor) {
    const auto [begin, end] = place_of(tensor);
    return std::as_writable_bytes(array_->values()).subspan(begin, end - begin);
}

std::span<const float> SharedWeights::values(int tensor) const {
    assert(type_of(tensor) == support::ScalarType::float32);
    return as_values<float>(bytes(tensor));
}

std::span<float> SharedWeights::values(int tensor) {
    assert(type_of(tensor) == support::ScalarType::float32);
    return as_values<float>(bytes(tensor));
}

std::span<std::byte> SharedWeights::output_bytes(int tensor, int expert,
                                                 const model::OutputPattern& pattern,
                                                 std::int64_t outputs) {
    const parallel::RowRange place = place_of(tensor, expert, pattern, outputs);
    const std::size_t size = support::size_of(type_of(tensor));
    return bytes(tensor).subspan(static_cast<std::size_t>(place.begin) * size,
                                 static_cast<std::size_t>(place.size()) * size);
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

bool SharedWeights::would_use(const Memory& memory, const model::Catalogue& catalogue,
                              std::span<const Held> tensors) {
    return suits(memory, starts_of(catalogue, tensors).back());
}

std::uint64_t SharedWeights::bytes_for(const model::Catalogue& catalogue,
                                       std::span<const Held> tensors) {
    return starts_of(catalogue, tensors).back();
}

std::size_t SharedWeights::position_of(int tensor) const {
    const auto found = std::ranges::find(tensors_, tensor, &Held::tensor);
    assert(found != tensors_.end());
    return static_cast<std::size_t>(found - tensors_.begin());
}

std::vector<SharedWeights::Held> in_float32(std::span<const int> tensors) {
    std::vector<SharedWeights::Held> all(tensors.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].tensor = tensors[i];
    }
    return all;
}

std::vector<SharedWeights::Held> in_float32(std::span<const int> tensors,
                                            std::span<const TensorLayout> layouts) {
    std::vector<SharedWeights::Held> all = in_float32(tensors);
    for (std::size_t i = 0; i < layouts.size(); ++i) {
        all[i].layout = layouts[i];
    }
    return all;
}

}  // namespace alphaprune::transformer
