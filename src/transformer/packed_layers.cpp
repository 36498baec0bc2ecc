#include "packed_layers.hpp"

#include <algorithm>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {
namespace {

/// Bytes of a cache line, at which each layer begins.
constexpr std::size_t kPackedAlignment = 64;

int tensor_of(const BlockPlan& block, std::size_t layer) {
    const int described = block.description.layers[layer].weight;
    return block.tensors[static_cast<std::size_t>(described)];
}

}  // namespace

std::vector<PackedLayers::Place> PackedLayers::places_in(const ForwardPlan& plan,
                                                         const BlockPlan& block,
                                                         linalg::ForwardPrecision precision) {
    std::vector<Place> places;
    std::size_t start = 0;
    for (std::size_t l = 0; l < block.description.layers.size(); ++l) {
        const model::LinearLayer& layer = block.description.layers[l];
        Place place{{layer.rows, layer.cols, linalg::PackedParts::one}, start, 0};
        if (layer.prunable) {
            const bool exact =
                plan.tensor(tensor_of(block, l)).scalar_type() == support::ScalarType::bfloat16;
            if (precision == linalg::ForwardPrecision::bf16x2 && !exact) {
                place.shape.parts = linalg::PackedParts::two;
            }
            place.size = linalg::packed_bytes(place.shape);
        }
        start += (place.size + kPackedAlignment - 1) / kPackedAlignment * kPackedAlignment;
        places.push_back(place);
    }
    places.push_back({{}, start, 0});
    return places;
}

PackedLayers::PackedLayers(const parallel::Communicator& node, const parallel::ThreadPool& threads,
                           const ForwardPlan& plan, const BlockPlan& block,
                           linalg::ForwardPrecision precision)
    : node_(node),
      threads_(threads),
      block_(block),
      precision_(precision),
      places_(places_in(plan, block, precision)),
      array_(node, static_cast<std::int64_t>(places_.back().start / sizeof(float))) {}

std::uint64_t PackedLayers::bytes_for(const ForwardPlan& plan, const BlockPlan& block,
                                      linalg::ForwardPrecision precision) {
    return precision == linalg::ForwardPrecision::float32
               ? 0
               : places_in(plan, block, precision).back().start;
}

void PackedLayers::pack(const SharedWeights& weights, std::optional<int> tensor) {
    array_.sync();  // others may still be multiplying with what was there
    for (std::size_t layer = 0; layer + 1 < places_.size(); ++layer) {
        if (places_[layer].size > 0 && (!tensor || tensor_of(block_, layer) == *tensor)) {
            pack_layer(weights, layer);
        }
    }
    array_.sync();
}

void PackedLayers::pack_layer(const SharedWeights& weights, std::size_t number) {
    const Place& place = places_[number];
    const model::LinearLayer& layer = block_.description.layers[number];
    const auto values =
        weights.outputs(tensor_of(block_, number), layer.expert, layer.pattern, layer.rows);
    const auto bytes = std::as_writable_bytes(array_.values()).subspan(place.start, place.size);
    constexpr std::int64_t kStrip = linalg::kPackedOutputs;
    const auto own =
        parallel::share_of((layer.rows + kStrip - 1) / kStrip, node_.size(), node_.rank());
    threads_.run(own.size(), [&](std::int64_t strip, int) {
        const std::int64_t first = (own.begin + strip) * kStrip;
        const std::int64_t count = std::min(kStrip, layer.rows - first);
        linalg::pack_weights({values.data() + first * layer.cols, count, layer.cols, layer.cols},
                             first, place.shape, bytes);
    });
}

std::optional<linalg::PackedWeights> PackedLayers::find(const model::LinearLayer& layer) const {
    const std::vector<model::LinearLayer>& layers = block_.description.layers;
    const auto found =
        std::ranges::find_if(layers, [&](const auto& one) { return &one == &layer; });
    if (found == layers.end()) {
        return std::nullopt;
    }
    const Place& place = places_[static_cast<std::size_t>(found - layers.begin())];
    if (place.size == 0) {
        return std::nullopt;
    }
    return linalg::PackedWeights{std::as_bytes(array_.values()).subspan(place.start, place.size),
                                 place.shape};
}

}  // namespace alphaprune::transformer
