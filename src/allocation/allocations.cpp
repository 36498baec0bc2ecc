#include <algorithm>
#include <cassert>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/support/message.hpp"

/// Every allocation has a line here and a file that defines `AllocationMethod NAME_row()`, its
/// row.
#define ALPHAPRUNE_ALLOCATIONS(ROW) \
    ROW(alphapruning)               \
    ROW(uniform)                    \
    ROW(linear_depth)               \
    ROW(shuffled)                   \
    ROW(owl)                        \
    ROW(dlp)                        \
    ROW(search)                     \
    ROW(file)                       \
    /* the next one goes before this line */

namespace alphaprune::allocation {

#define ALPHAPRUNE_DECLARED(NAME) AllocationMethod NAME##_row();
ALPHAPRUNE_ALLOCATIONS(ALPHAPRUNE_DECLARED)

namespace {

const support::BadRequest<double> kImpossibleBound{
    "allocation.impossible-bound", "a largest sparsity ratio of {} is impossible",
    "no matrix can lose more than all of its weights", "give a number above 0, at most 1"};
const support::BadRequest<double> kImpossibleEpsilon{
    "allocation.impossible-epsilon", "an epsilon of {} is impossible",
    "ratios lie within 1 - epsilon and 1 + epsilon before they are scaled",
    "give a number from 0 up to, but not including, 1"};
const support::BadRequest<double> kImpossibleRatio{
    "allocation.impossible-ratio", "a sparsity ratio of {} is impossible",
    "it is the share of the weights that become zero",
    "give a number from 0 up to, but not including, 1"};
const support::BadRequest<double, double> kBeyondBound{
    "allocation.ratio-beyond-bound",
    "a sparsity ratio of {} cannot be met: no matrix may lose more than {} of its weights",
    "the mean of the ratios cannot exceed the largest of them",
    "ask for at most {1}, the largest possible, or raise --max-sparsity"};
const support::BadRequest<> kNoMatrix{"allocation.no-matrix", "there is no matrix to prune",
                                      "no linear layer was found in the decoder blocks",
                                      "choose a model with decoder blocks"};
const support::BadRequest<std::int64_t> kNoWeights{
    "allocation.no-weights", "a matrix with {} weights cannot be pruned",
    "the model has a tensor without values", "check the shapes of the model"};

void check_options(const AllocationOptions& options, support::FaultList& faults) {
    // Written so that NaN is refused too.
    const bool bound_is_good = options.max_sparsity > 0 && options.max_sparsity <= 1;
    if (!bound_is_good) {
        faults.add(kImpossibleBound("--max-sparsity", options.max_sparsity));
    }
    if (!(options.epsilon >= 0 && options.epsilon < 1)) {
        faults.add(kImpossibleEpsilon("--epsilon", options.epsilon));
    }
    if (!(options.sparsity_ratio >= 0 && options.sparsity_ratio < 1)) {
        faults.add(kImpossibleRatio("--sparsity-ratio", options.sparsity_ratio));
    } else if (bound_is_good && options.sparsity_ratio > options.max_sparsity) {
        faults.add(kBeyondBound("--sparsity-ratio", options.sparsity_ratio, options.max_sparsity));
    }
}

}  // namespace

std::span<const AllocationMethod> allocations() {
#define ALPHAPRUNE_CALLED(NAME) NAME##_row(),
    static const AllocationMethod kTable[] = {ALPHAPRUNE_ALLOCATIONS(ALPHAPRUNE_CALLED)};
    return kTable;
}

const AllocationMethod& default_allocation() {
    return allocations().front();
}

const AllocationMethod& uniform_allocation() {
    return *find_allocation("uniform");
}

const AllocationMethod* find_allocation(std::string_view value) {
    const std::string_view name = value.substr(0, value.find(':'));
    const auto found = std::ranges::find(allocations(), name, &AllocationMethod::name);
    const bool has_path = name.size() < value.size();
    return found == allocations().end() || has_path == found->is_computed() ? nullptr : &*found;
}

void check_request(const AllocationRequest& request) {
    support::FaultList faults;
    check_options(request.options, faults);
    if (request.items.empty()) {
        faults.add(kNoMatrix("the model"));
    }
    for (const AllocationItem& item : request.items) {
        if (item.weights <= 0) {
            faults.add(kNoWeights(fmt::format("block {}", item.block), item.weights));
        }
    }
    faults.throw_if_any();
}

double overall_ratio(std::span<const AllocationItem> items, std::span<const double> ratios) {
    assert(items.size() == ratios.size());
    long double zeros = 0;
    long double weights = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto size = static_cast<long double>(items[i].weights);
        zeros += ratios[i] * size;
        weights += size;
    }
    return static_cast<double>(zeros / weights);
}

}  // namespace alphaprune::allocation
