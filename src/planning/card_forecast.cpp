#include <algorithm>

#include "alphaprune/support/scalar.hpp"
#include "forecast_parts.hpp"

// What activations take where each rank has a graphics card.

namespace alphaprune::planning {
namespace {

bool is_half(support::ScalarType type) {
    return type == support::ScalarType::bfloat16 || type == support::ScalarType::float16;
}

/// Products of parts that stand for one: of parts of activations with weights of 16 bits, and where
/// both are in parts.
struct Parts {
    double with_weights;
    double with_each_other;
};

Parts parts_of(linalg::ForwardPrecision precision) {
    switch (precision) {
        case linalg::ForwardPrecision::bf16:
            return {1, 1};
        case linalg::ForwardPrecision::bf16x2:
            return {2, 3};
        case linalg::ForwardPrecision::float32:
            break;
    }
    return {3, 6};
}

/// A card multiplies weights of other types in float32.
bool has_half_weights(const model::Catalogue& catalogue, int block) {
    return std::ranges::all_of(catalogue.matrices, [&](const model::MatrixInfo& matrix) {
        return matrix.block != block || is_half(catalogue.tensor_of(matrix).scalar_type());
    });
}

std::uint64_t card_weight_bytes(const transformer::ForwardPlan& plan, int block,
                                linalg::ForwardPrecision precision) {
    std::uint64_t bytes = 0;
    for (const int index : plan.block(block).tensors) {
        if (index >= 0) {
            const model::TensorInfo& tensor = plan.tensor(index);
            const bool half = tensor.matrix >= 0 && is_half(tensor.scalar_type());
            bytes += static_cast<std::uint64_t>(tensor.rows() * tensor.row_length()) *
                     (half ? 2 : sizeof(float));
        }
    }
    for (const model::MatrixInfo& matrix : plan.catalogue->matrices) {
        const support::ScalarType type = plan.catalogue->tensor_of(matrix).scalar_type();
        if (matrix.block == block &&
            transformer::is_doubled_on_card(type, matrix.expert, matrix.inputs(), precision)) {
            bytes += 2 * sizeof(std::uint16_t) *
                     static_cast<std::uint64_t>(matrix.outputs() * matrix.inputs());
        }
    }
    return bytes;
}

}  // namespace

double card_pass_seconds(const transformer::ForwardPlan& plan, int block, std::int64_t tokens,
                         linalg::ForwardPrecision precision, const CardRates& card, bool observes) {
    constexpr double kTouches = 2.5;  // of inputs and outputs, by norms, gates, splitting and sums
    const auto flops = transformer::shared_flops(plan, block, tokens, 1);
    const double products = flops.products - (observes ? flops.unobserved : 0);
    const Parts parts = parts_of(precision);
    const double multiplying = has_half_weights(*plan.catalogue, block)
                                   ? parts.with_weights * products / (card.bf16_gflops * 1e9)
                                   : products / (card.sgemm_gflops * 1e9);
    return multiplying + parts.with_each_other * flops.attention / (card.attention_gflops * 1e9) +
           kTouches * sizeof(float) * flops.values / (card.memory_gbps * 1e9);
}

double card_head_seconds(double flops, linalg::ForwardPrecision precision, const CardRates& card) {
    return parts_of(precision).with_each_other * flops / (card.bf16_gflops * 1e9);
}

double card_seconds(const pruning::SiteCost& cost, linalg::ForwardPrecision precision,
                    const CardRates& card) {
    const double summing =
        precision == linalg::ForwardPrecision::float32 ? card.sgemm_gflops : card.tf32_gflops;
    return cost.sum_flops / (summing * 1e9) + cost.flops / (card.sgemm_gflops * 1e9) +
           cost.double_flops / (card.dgemm_gflops * 1e9) +
           cost.bytes_moved / (card.memory_gbps * 1e9) + cost.seconds;
}

CardMemory card_memory_of_passes(const transformer::ForwardPlan& plan, const RunTask& task,
                                 const SequenceShape& sequences, std::int64_t own_sequences) {
    constexpr std::uint64_t kCopies = 2;  // as values and in parts
    const std::uint64_t streams = task.settings.outputs.any() ? 2 : 1;
    const std::uint64_t steps = streams - 1 + (task.sites_sequentially ? 1 : 0);
    CardMemory memory;
    std::int64_t kept = 0;
    for (int block = 0; block < plan.catalogue->blocks(); ++block) {
        memory.weights = std::max(memory.weights,
                                  streams * card_weight_bytes(plan, block, task.forward_precision));
        kept = std::max(kept, transformer::kept_values(plan, block));
    }
    const auto tokens = static_cast<std::uint64_t>(sequences.length);
    const std::uint64_t state = tokens * static_cast<std::uint64_t>(plan.hidden_size());
    memory.states = static_cast<std::uint64_t>(own_sequences) *
                    (streams * state + steps * tokens * static_cast<std::uint64_t>(kept)) *
                    sizeof(float);
    memory.scratch = streams * (state * sizeof(float) +
                                kCopies * transformer::scratch_bytes(plan, sequences.length));
    return memory;
}

}  // namespace alphaprune::planning
