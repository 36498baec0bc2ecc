#include "tokens/merging.hpp"

#include <algorithm>

namespace alphaprune::model {
namespace {

constexpr std::int32_t kMergedAway = -1;

}  // namespace

void Merger::consider(const Merges& merges, const std::vector<std::int32_t>& tokens,
                      std::uint32_t at) {
    if (const Merge* merge = merges.find(tokens[at], tokens[next_[at]])) {
        heap_.push_back({merge->rank, at, merge->token});
        std::push_heap(heap_.begin(), heap_.end());
    }
}

void Merger::merge(const Merges& merges, std::vector<std::int32_t>& tokens) {
    const auto count = static_cast<std::uint32_t>(tokens.size());
    heap_.clear();
    next_.resize(count);
    previous_.resize(count);
    for (std::uint32_t at = 0; at < count; ++at) {
        next_[at] = at + 1 < count ? at + 1 : kNobody;
        previous_[at] = at > 0 ? at - 1 : kNobody;
        const Merge* merge = at + 1 < count ? merges.find(tokens[at], tokens[at + 1]) : nullptr;
        if (merge != nullptr) {
            heap_.push_back({merge->rank, at, merge->token});
        }
    }
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
        std::pop_heap(heap_.begin(), heap_.end());
        const Candidate best = heap_.back();
        heap_.pop_back();
        if (tokens[best.at] == kMergedAway || next_[best.at] == kNobody) {
            continue;
        }
        const std::uint32_t right = next_[best.at];
        const Merge* merge = merges.find(tokens[best.at], tokens[right]);
        if (merge == nullptr || merge->token != best.token) {
            continue;  // one of the two has been merged since
        }
        tokens[best.at] = best.token;
        tokens[right] = kMergedAway;
        next_[best.at] = next_[right];
        if (next_[right] != kNobody) {
            previous_[next_[right]] = best.at;
            consider(merges, tokens, best.at);
        }
        if (previous_[best.at] != kNobody) {
            consider(merges, tokens, previous_[best.at]);
        }
    }
    tokens.erase(std::remove(tokens.begin(), tokens.end(), kMergedAway), tokens.end());
}

}  // namespace alphaprune::model
