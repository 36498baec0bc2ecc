#include "aligned_floats.hpp"

#include <fmt/format.h>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune::transformer {

std::span<float> AlignedFloats::at_least(std::int64_t count) {
    const auto wanted = static_cast<std::size_t>(whole_lines(count));
    if (wanted > capacity_) {
        values_.reset();
        capacity_ = 0;
        const std::size_t bytes = wanted * sizeof(float);
        values_.reset(static_cast<float*>(
            std::aligned_alloc(static_cast<std::size_t>(kLineFloats) * sizeof(float), bytes)));
        if (!values_) {
            throw support::failure(
                fmt::format("out of memory: no room for the activations of a sequence ({})",
                            support::human_bytes(bytes)),
                support::host_name(), "use shorter sequences (--seqlen) or fewer ranks on a node");
        }
        capacity_ = wanted;
    }
    return {values_.get(), static_cast<std::size_t>(count)};
}

}  // namespace alphaprune::transformer
