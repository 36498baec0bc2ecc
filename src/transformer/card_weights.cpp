#include "card_weights.hpp"

#include <algorithm>
#include <cassert>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::transformer {
namespace {

/// Where tensors begin on a card.
constexpr std::size_t kAlignment = 256;

constexpr std::size_t aligned(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

support::ScalarType type_on_card(support::ScalarType stored) {
    using enum support::ScalarType;
    return stored == bfloat16 || stored == float16 ? stored : float32;
}

std::vector<SharedWeights::Held> held_for_card(const model::Catalogue& catalogue,
                                               std::span<const int> described,
                                               std::span<const TensorLayout> layouts,
                                               std::span<const model::LinearLayer> layers) {
    std::vector<SharedWeights::Held> all = in_float32(described, layouts);
    for (const model::LinearLayer& layer : layers) {
        SharedWeights::Held& held = all[static_cast<std::size_t>(layer.weight)];
        held.type =
            type_on_card(catalogue.tensors[static_cast<std::size_t>(held.tensor)].scalar_type());
    }
    std::erase_if(all, [](const SharedWeights::Held& held) { return held.tensor < 0; });
    return all;
}

void CardWeights::load(const model::Catalogue& catalogue, std::span<const int> described,
                       std::span<const TensorLayout> layouts,
                       std::span<const model::LinearLayer> layers, const SharedWeights& host) {
    host_ = &host;
    tensors_.assign(described.size(), {});
    std::size_t bytes = 0;
    for (std::size_t d = 0; d < described.size(); ++d) {
        Tensor& tensor = tensors_[d];
        tensor.tensor = described[d];
        if (tensor.tensor < 0) {
            continue;
        }
        const model::TensorInfo& info = catalogue.tensors[static_cast<std::size_t>(tensor.tensor)];
        const bool laid_out = !layouts.empty() && !layouts[d].layers.empty();
        tensor.layout = laid_out ? &layouts[d] : nullptr;
        tensor.inputs = laid_out ? layouts[d].inputs : info.row_length();
        tensor.start = bytes;
        tensor.type = host.type_of(tensor.tensor);
        tensor.values = std::ssize(host.bytes(tensor.tensor)) /
                        static_cast<std::int64_t>(support::size_of(tensor.type));
        bytes += aligned(static_cast<std::size_t>(tensor.values) * support::size_of(tensor.type));
    }
    start_ = memory_.at_least<std::byte>(static_cast<std::int64_t>(bytes)).data();
    find_room_for_doubled(layers);
    for (Tensor& tensor : tensors_) {
        tensor.tensor >= 0 ? upload(tensor) : void();
    }
}

void CardWeights::find_room_for_doubled(std::span<const model::LinearLayer> layers) {
    std::size_t bytes = 0;
    for (const model::LinearLayer& layer : layers) {
        Tensor& tensor = tensors_[static_cast<std::size_t>(layer.weight)];
        const bool gains = layer.prunable && tensor.inputs == layer.cols &&
                           is_doubled_on_card(tensor.type, layer.expert, layer.cols, precision_);
        if (gains && tensor.doubled < 0) {
            tensor.doubled = static_cast<std::int64_t>(bytes);
            bytes += aligned(2 * static_cast<std::size_t>(tensor.values) * sizeof(std::uint16_t));
        }
    }
    if (bytes > 0) {
        doubled_start_ = doubled_.at_least<std::byte>(static_cast<std::int64_t>(bytes)).data();
    }
}

void CardWeights::upload(Tensor& tensor) {
    tensor.is_current = false;
    lane_.upload(start_ + tensor.start, host_->bytes(tensor.tensor));
}

void CardWeights::reload(int tensor) {
    for (Tensor& one : tensors_) {
        if (one.tensor == tensor) {
            upload(one);
        }
    }
}

void CardWeights::reload(const model::MatrixInfo& matrix, parallel::RowRange outputs,
                         std::span<const std::byte> values) {
    will_change(matrix.tensor);
    lane_.upload(rows(matrix, outputs).values, values);
}

void CardWeights::will_change(int tensor) {
    for (Tensor& one : tensors_) {
        one.is_current = one.is_current && one.tensor != tensor;
    }
}

/// Made anew where the tensor has changed.
std::byte* CardWeights::doubled_of(Tensor& tensor, const std::byte* place) {
    if (!tensor.is_current) {
        // Two values of 16 bits are copied as one of 32.
        const std::int64_t width = tensor.inputs / 2;
        auto* const to = reinterpret_cast<float*>(doubled_start_ + tensor.doubled);
        for (const std::int64_t half : {std::int64_t{0}, width}) {
            lane_.copy_rows({.from = reinterpret_cast<const float*>(start_ + tensor.start),
                             .from_stride = width,
                             .to = to + half,
                             .to_stride = 2 * width,
                             .rows = tensor.values / tensor.inputs,
                             .width = width});
        }
        tensor.is_current = true;
    }
    return doubled_start_ + tensor.doubled + 2 * (place - (start_ + tensor.start));
}

const float* CardWeights::floats(int described) const {
    if (described < 0) {
        return nullptr;
    }
    const Tensor& tensor = tensors_[static_cast<std::size_t>(described)];
    assert(tensor.type == support::ScalarType::float32);
    return reinterpret_cast<const float*>(start_ + tensor.start);
}

std::span<const float> CardWeights::on_host(int described) const {
    return described < 0 ? std::span<const float>{}
                         : host_->values(tensors_[static_cast<std::size_t>(described)].tensor);
}

std::byte* CardWeights::place_in(const Tensor& tensor, int expert,
                                 const model::OutputPattern& pattern, std::int64_t outputs) const {
    const std::int64_t row =
        tensor.layout == nullptr ? 0 : tensor.layout->first_row(expert, pattern, outputs);
    return start_ + tensor.start +
           static_cast<std::size_t>(row * tensor.inputs) * support::size_of(tensor.type);
}

CardWeights::Place CardWeights::weights_of(const model::LinearLayer& layer) {
    Tensor& tensor = tensors_[static_cast<std::size_t>(layer.weight)];
    const std::byte* const place = place_in(tensor, layer.expert, layer.pattern, layer.rows);
    return {place, tensor.type, tensor.doubled >= 0 ? doubled_of(tensor, place) : nullptr};
}

CardWeights::Rows CardWeights::rows(const model::MatrixInfo& matrix,
                                    parallel::RowRange outputs) const {
    const auto tensor = std::ranges::find(tensors_, matrix.tensor, &Tensor::tensor);
    assert(tensor != tensors_.end());
    std::byte* const all = place_in(*tensor, matrix.expert, matrix.pattern, matrix.outputs());
    const std::size_t row_bytes =
        static_cast<std::size_t>(matrix.inputs()) * support::size_of(tensor->type);
    return {all + static_cast<std::size_t>(outputs.begin) * row_bytes, tensor->type,
            outputs.size() * matrix.inputs()};
}

const float* CardWeights::bias_of(const model::LinearLayer& layer) const {
    return layer.bias < 0 ? nullptr
                          : reinterpret_cast<const float*>(
                                place_in(tensors_[static_cast<std::size_t>(layer.bias)],
                                         layer.expert, layer.pattern, layer.rows));
}

}  // namespace alphaprune::transformer
