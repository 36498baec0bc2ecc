#include "aligned_floats.hpp"

#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::transformer {
namespace {

const support::Failure<std::string> kNoRoom{
    "transformer.out-of-memory", "out of memory: no room for the activations of a sequence ({})",
    "the ranks of the node need more memory than it has",
    "use shorter sequences (--seqlen) or fewer ranks on a node"};

}  // namespace

std::span<float> AlignedFloats::at_least(std::int64_t count) {
    const auto wanted = static_cast<std::size_t>(whole_lines(count));
    if (wanted > capacity_) {
        values_.reset();
        capacity_ = 0;
        const std::size_t bytes = wanted * sizeof(float);
        values_.reset(static_cast<float*>(
            std::aligned_alloc(static_cast<std::size_t>(kLineFloats) * sizeof(float), bytes)));
        if (!values_) {
            throw kNoRoom(support::host_name(), support::human_bytes(bytes));
        }
        capacity_ = wanted;
    }
    return {values_.get(), static_cast<std::size_t>(count)};
}

}  // namespace alphaprune::transformer
