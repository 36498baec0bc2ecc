#include "request.hpp"

#include <fmt/format.h>

#include "alphaprune/support/error.hpp"

namespace alphaprune::allocation {
namespace {

void check_options(const AllocationOptions& options, support::FaultList& faults) {
    // Written so that NaN is refused too.
    const bool bound_is_good = options.max_sparsity > 0 && options.max_sparsity <= 1;
    if (!bound_is_good) {
        faults.add(
            fmt::format("a largest sparsity ratio of {} is impossible", options.max_sparsity),
            "--max-sparsity", "give a number above 0, at most 1");
    }
    if (!(options.epsilon >= 0 && options.epsilon < 1)) {
        faults.add(fmt::format("an epsilon of {} is impossible", options.epsilon), "--epsilon",
                   "give a number from 0 up to, but not including, 1");
    }
    if (!(options.sparsity_ratio >= 0 && options.sparsity_ratio < 1)) {
        faults.add(fmt::format("a sparsity ratio of {} is impossible", options.sparsity_ratio),
                   "--sparsity-ratio", "give a number from 0 up to, but not including, 1");
    } else if (bound_is_good && options.sparsity_ratio > options.max_sparsity) {
        faults.add(fmt::format("a sparsity ratio of {} cannot be met: no matrix may lose more than "
                               "{} of its weights",
                               options.sparsity_ratio, options.max_sparsity),
                   "--sparsity-ratio",
                   fmt::format("ask for at most {}, the largest possible, or raise --max-sparsity",
                               options.max_sparsity));
    }
}

}  // namespace

void check_request(std::span<const AllocationItem> items, const AllocationOptions& options) {
    support::FaultList faults;
    check_options(options, faults);
    if (items.empty()) {
        faults.add("there is no matrix to prune", "the model",
                   "choose a model with decoder blocks");
    }
    for (const AllocationItem& item : items) {
        if (item.weights <= 0) {
            faults.add(fmt::format("a matrix with {} weights cannot be pruned", item.weights),
                       fmt::format("block {}", item.block), "check the shapes of the model");
        }
    }
    faults.throw_if_any();
}

}  // namespace alphaprune::allocation
