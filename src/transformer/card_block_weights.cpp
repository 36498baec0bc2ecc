#include "card_block_weights.hpp"

#include <algorithm>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"
#include "card_failure.hpp"
#include "product_tiles.hpp"

namespace alphaprune::transformer {

void CardBlockWeights::load(std::span<const int> described, std::span<const TensorLayout> layouts,
                            std::span<const model::LinearLayer> layers,
                            const model::RowSource& source) {
    changed_.clear();
    widened_.clear();
    if (std::exchange(is_pruned_, false)) {  // and may be looked at as yet
        std::swap(host_, other_);
    }
    hold(host_, held_for_card(catalogue_, described, layouts, layers));
    host_.weights->load(source);
    parallel::run_collectively(node_, [&] {
        on_card([&] { there_.load(catalogue_, described, layouts, layers, *host_.weights); });
    });
}

/// In the memory of those that lay there before, if it suits.
void CardBlockWeights::hold(OnHost& place, std::vector<SharedWeights::Held> tensors) {
    auto memory = place.weights ? place.weights->take_memory() : std::nullopt;
    if (!SharedWeights::would_use(memory, catalogue_, tensors)) {
        place.pinned.reset();
    }
    place.weights.reset();
    place.weights = std::make_unique<SharedWeights>(node_, catalogue_, std::move(tensors), threads_,
                                                    std::move(memory));
    if (!place.pinned) {
        place.pinned = std::make_unique<linalg::PinnedRange>(lane_, place.weights->memory());
    }
}

void CardBlockWeights::load_tensor(int tensor, const model::RowSource& source) {
    const auto is_of_it = [&](const auto& one) { return info_of(one.matrix).tensor == tensor; };
    std::erase_if(changed_, is_of_it);
    std::erase_if(widened_, is_of_it);
    weights().load_tensor(tensor, source);
    parallel::run_collectively(node_, [&] { on_card([&] { there_.reload(tensor); }); });
}

std::span<std::byte> CardBlockWeights::on_host(int matrix, parallel::RowRange outputs) {
    const model::MatrixInfo& info = info_of(matrix);
    const auto all = weights().output_bytes(info.tensor, info.expert, info.pattern, info.outputs());
    const auto row_bytes =
        static_cast<std::size_t>(info.inputs()) * support::size_of(weights().type_of(info.tensor));
    return all.subspan(static_cast<std::size_t>(outputs.begin) * row_bytes,
                       static_cast<std::size_t>(outputs.size()) * row_bytes);
}

CardBlockWeights::Widened& CardBlockWeights::widened(int matrix) {
    const auto found = std::ranges::find(widened_, matrix, &Widened::matrix);
    if (found != widened_.end()) {
        return *found;
    }
    const model::MatrixInfo& info = info_of(matrix);
    const auto outputs = static_cast<std::size_t>(info.outputs());
    const std::size_t values = outputs * static_cast<std::size_t>(info.inputs());
    widened_.push_back(
        {matrix, std::make_unique_for_overwrite<float[]>(values), std::vector<bool>(outputs)});
    return widened_.back();
}

std::span<float> CardBlockWeights::rows(int matrix, parallel::RowRange outputs) {
    const model::MatrixInfo& info = info_of(matrix);
    fetch(info.tensor);
    Widened& here = widened(matrix);
    const support::ScalarType type = weights().type_of(info.tensor);
    const std::span all(here.values.get(),
                        static_cast<std::size_t>(info.outputs() * info.inputs()));
    constexpr std::int64_t kSlice = 64;  // rows
    threads_.run_slices(outputs.size(), kSlice, [&](parallel::RowRange some) {
        for (std::int64_t row = outputs.begin + some.begin; row < outputs.begin + some.end; ++row) {
            if (!here.is_here[static_cast<std::size_t>(row)]) {
                support::widen(on_host(matrix, {row, row + 1}), type,
                               rows_of(all, info.inputs(), {row, row + 1}));
            }
        }
    });
    std::fill(here.is_here.begin() + outputs.begin, here.is_here.begin() + outputs.end, true);
    return rows_of(all, info.inputs(), outputs);
}

CardWeights::Rows CardBlockWeights::change_there(int matrix, parallel::RowRange outputs) {
    changed_.push_back({matrix, outputs});
    there_.will_change(info_of(matrix).tensor);
    return rows_there(matrix, outputs);
}

/// Brings rows of a tensor that have changed on the card alone to the host.
void CardBlockWeights::fetch(int tensor) {
    const auto is_of_it = [&](const Changed& one) { return info_of(one.matrix).tensor == tensor; };
    for (const Changed& one : changed_) {
        if (is_of_it(one)) {
            on_card([&] {
                lane_.download(on_host(one.matrix, one.outputs),
                               rows_there(one.matrix, one.outputs).values);
            });
        }
    }
    std::erase_if(changed_, is_of_it);
}

/// Rows that somebody has asked for go back to where they came from.
void CardBlockWeights::put_widened(int matrix) {
    const auto found = std::ranges::find(widened_, matrix, &Widened::matrix);
    if (found == widened_.end()) {
        return;
    }
    const model::MatrixInfo& info = info_of(matrix);
    const std::span<const float> all(found->values.get(),
                                     static_cast<std::size_t>(info.outputs() * info.inputs()));
    constexpr std::int64_t kSlice = 64;  // rows
    threads_.run_slices(info.outputs(), kSlice, [&](parallel::RowRange some) {
        for (std::int64_t row = some.begin; row < some.end; ++row) {
            if (found->is_here[static_cast<std::size_t>(row)]) {
                support::narrow(rows_of(all, info.inputs(), {row, row + 1}),
                                weights().type_of(info.tensor), on_host(matrix, {row, row + 1}));
            }
        }
    });
    widened_.erase(found);
}

void CardBlockWeights::replaced(int matrix) {
    is_pruned_ = true;  // on all ranks of the node: those of them that have rows to show are others
    const model::MatrixInfo& info = info_of(matrix);
    const auto changed = std::ranges::find(changed_, matrix, &Changed::matrix);
    const auto mine = changed != changed_.end() ? changed->outputs : parallel::RowRange{0, 0};
    if (mine.size() == info.outputs()) {  // of a rank alone on its node
        return;
    }
    put_widened(matrix);
    fetch(info.tensor);
    weights().sync();
    parallel::run_collectively(node_, [&] {
        on_card([&] {
            for (const parallel::RowRange others : {parallel::RowRange{0, mine.begin},
                                                    parallel::RowRange{mine.end, info.outputs()}}) {
                if (!others.empty()) {
                    there_.reload(info, others, on_host(matrix, others));
                }
            }
        });
    });
}

std::span<const std::byte> CardBlockWeights::stored_rows(int tensor, parallel::RowRange rows,
                                                         std::vector<std::byte>& room) {
    fetch(tensor);
    return weights().stored_rows(tensor, rows, room);
}

}  // namespace alphaprune::transformer
