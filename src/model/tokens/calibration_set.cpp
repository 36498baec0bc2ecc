#include "alphaprune/model/calibration_set.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include "alphaprune/support/message.hpp"
#include "tokens/token_sequences.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::size_t, std::int64_t> kMoreFilesThanSamples{
    "model.more-files-than-samples", "{} calibration files are more than {} samples",
    "each file gives at least one sequence", "give --nsamples {0} or more, or fewer files"};

/// Numbers of files, by their weights in ascending order.
std::vector<std::size_t> lightest_first(std::span<const double> weights) {
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t file) { return weights[file]; });
    return order;
}

std::int64_t common_length(std::span<const TokenFile> files, const Catalogue& catalogue) {
    std::int64_t shortest = std::numeric_limits<std::int64_t>::max();
    for (const TokenFile& file : files) {
        shortest = std::min(shortest, default_length(file, catalogue));
    }
    return shortest;
}

/// What each of several files gives.
std::vector<TokenSequences> parts_of(std::span<const TokenFile> files,
                                     std::span<const double> weights, const Catalogue& catalogue,
                                     std::optional<std::int64_t> asked_count,
                                     std::optional<std::int64_t> asked_length, std::uint64_t seed) {
    const std::int64_t count = asked_count.value_or(kUsualSequences);
    const std::int64_t length = asked_length.value_or(common_length(files, catalogue));
    if (count < static_cast<std::int64_t>(files.size())) {
        throw kMoreFilesThanSamples("--calibration", files.size(), count);
    }
    support::FaultList faults;
    check_count(count, length, faults);
    faults.throw_if_any();
    const std::vector<std::int64_t> shares = calibration_shares(weights, count);
    std::vector<TokenSequences> parts;
    for (std::size_t f = 0; f < files.size(); ++f) {
        const std::int64_t share =
            asked_count ? shares[f] : std::min(shares[f], most_sequences(files[f]));
        try {
            parts.push_back(calibration_sequences(files[f], catalogue, share, length, seed));
        } catch (const support::Error& error) {
            faults.add(error);
        }
    }
    faults.throw_if_any();
    return parts;
}

/// Always the part that is furthest behind its share of all so far, the earlier of equal ones; one
/// that is behind has sequences left.
void interleave(const std::vector<TokenSequences>& parts, CalibrationSet& set) {
    std::int64_t all = 0;
    for (const TokenSequences& part : parts) {
        all += part.count();
    }
    std::vector<std::int64_t> taken(parts.size(), 0);
    for (std::int64_t next = 1; next <= all; ++next) {
        const auto behind = [&](std::size_t p) { return parts[p].count() * next - taken[p] * all; };
        std::size_t chosen = 0;
        for (std::size_t p = 1; p < parts.size(); ++p) {
            chosen = behind(p) > behind(chosen) ? p : chosen;
        }
        const auto sequence = parts[chosen].sequence(taken[chosen]++);
        set.sequences.ids.insert(set.sequences.ids.end(), sequence.begin(), sequence.end());
        set.file_of.push_back(static_cast<int>(chosen));
    }
}

}  // namespace

std::int64_t CalibrationSet::count_of(int file) const {
    return std::ranges::count(file_of, file);
}

std::vector<std::int64_t> calibration_shares(std::span<const double> weights, std::int64_t total) {
    std::vector<std::size_t> order = lightest_first(weights);
    const double heaviest = weights[order.back()];  // weights are relative to it: no sum overflows
    std::vector<double> rest(order.size() + 1, 0);  // of a file and all heavier ones
    for (std::size_t i = order.size(); i-- > 0;) {
        rest[i] = rest[i + 1] + weights[order[i]] / heaviest;
    }
    std::vector<std::int64_t> shares(weights.size(), 1);
    std::int64_t left = total;
    std::size_t first = 0;  // to get more than the one that it gets in any case
    const auto part_of = [&](std::size_t file) {
        return static_cast<double>(left) * (weights[file] / heaviest) / rest[first];
    };
    for (; first < order.size() && part_of(order[first]) < 1; ++first) {
        --left;
    }
    std::vector<std::pair<double, std::size_t>> remainders;
    std::int64_t unshared = left;
    for (std::size_t i = first; i < order.size(); ++i) {
        const double part = part_of(order[i]);
        shares[order[i]] = static_cast<std::int64_t>(part);
        unshared -= shares[order[i]];
        remainders.emplace_back(static_cast<double>(shares[order[i]]) - part, order[i]);
    }
    std::ranges::sort(remainders);  // the largest first, as they are negative
    for (std::size_t i = 0; unshared > 0; ++i, --unshared) {
        ++shares[remainders[i].second];
    }
    return shares;
}

CalibrationSet calibration_set(std::span<const TokenFile> files, std::span<const double> weights,
                               const Catalogue& catalogue, std::optional<std::int64_t> count,
                               std::optional<std::int64_t> length, std::uint64_t seed) {
    std::vector<TokenSequences> parts;
    if (files.size() == 1) {
        parts.push_back(calibration_sequences(files.front(), catalogue, count, length, seed));
    } else {
        parts = parts_of(files, weights, catalogue, count, length, seed);
    }
    CalibrationSet set{{parts.front().length, {}}, {}};
    interleave(parts, set);
    return set;
}

}  // namespace alphaprune::model
