#include "routing.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace alphaprune::transformer {
namespace {

using Scores = model::Routing::Scores;

void to_softmax(std::span<float> values) {
    const float most = *std::ranges::max_element(values);
    float sum = 0;
    for (float& value : values) {
        value = std::exp(value - most);
        sum += value;
    }
    for (float& value : values) {
        value /= sum;
    }
}

/// The places of the `count` largest values, the largest first.
std::vector<std::int32_t> largest_places(std::span<const float> values, std::int64_t count) {
    std::vector<std::int32_t> places(values.size());
    std::iota(places.begin(), places.end(), 0);
    const auto above = [&](std::int32_t one, std::int32_t other) {
        const float a = values[static_cast<std::size_t>(one)];
        const float b = values[static_cast<std::size_t>(other)];
        return a > b || (a == b && one < other);
    };
    const auto end = places.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(places.begin(), end, places.end(), above);
    places.erase(end, places.end());
    return places;
}

/// Takes the experts of all groups but the best out of the choice.
void keep_best_groups(const model::Routing& routing, std::span<float> choice) {
    const std::size_t wide = choice.size() / static_cast<std::size_t>(routing.groups);
    std::vector<float> groups;
    for (std::size_t begin = 0; begin < choice.size(); begin += wide) {
        const auto group = choice.subspan(begin, wide);
        float sum = 0;
        for (const std::int32_t place :
             largest_places(group, std::min<std::int64_t>(2, std::ssize(group)))) {
            sum += group[static_cast<std::size_t>(place)];
        }
        groups.push_back(sum);
    }
    std::vector<bool> kept(groups.size());
    for (const std::int32_t group : largest_places(groups, routing.chosen_groups)) {
        kept[static_cast<std::size_t>(group)] = true;
    }
    for (std::size_t at = 0; at < choice.size(); ++at) {
        if (!kept[at / wide]) {
            choice[at] = -std::numeric_limits<float>::infinity();
        }
    }
}

}  // namespace

std::vector<RoutedTokens> route(const model::Routing& routing, std::int64_t experts,
                                std::span<const float> logits, std::span<const float> choice_bias) {
    const auto width = static_cast<std::size_t>(experts);
    std::vector<RoutedTokens> routed(width);
    std::vector<float> scores(width);
    std::vector<float> choice(width);
    std::vector<float> weights;
    for (std::size_t token = 0; token * width < logits.size(); ++token) {
        std::ranges::copy(logits.subspan(token * width, width), scores.begin());
        if (routing.scores == Scores::softmax) {
            to_softmax(scores);
        } else if (routing.scores == Scores::sigmoid) {
            std::ranges::transform(scores, scores.begin(),
                                   [](float x) { return 1.0F / (1.0F + std::exp(-x)); });
        }
        choice = scores;
        if (!choice_bias.empty()) {
            std::ranges::transform(choice, choice_bias, choice.begin(), std::plus<>());
        }
        if (routing.groups > 1) {
            keep_best_groups(routing, choice);
        }
        const std::vector<std::int32_t> chosen = largest_places(choice, routing.chosen);
        weights.clear();
        for (const std::int32_t expert : chosen) {
            weights.push_back(scores[static_cast<std::size_t>(expert)]);
        }
        if (routing.scores == Scores::chosen_softmax) {
            to_softmax(weights);
        }
        const float sum =
            routing.renormalize ? std::accumulate(weights.begin(), weights.end(), 0.0F) : 1.0F;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            RoutedTokens& to = routed[static_cast<std::size_t>(chosen[i])];
            to.tokens.push_back(static_cast<std::int32_t>(token));
            to.weights.push_back(weights[i] / sum * static_cast<float>(routing.multiplier));
        }
    }
    return routed;
}

}  // namespace alphaprune::transformer
