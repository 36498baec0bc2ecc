#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

/// Collective: if any rank brings an error, every rank throws one Error with the faults of all
/// ranks in rank order (each different fault once), marked agreed. Otherwise nothing happens. A
/// stop on request (ExitStatus::stopped) is the common error only if no rank brings another one.
void agree(const Communicator& ranks, const std::optional<support::Error>& mine);

/// Collective: every rank throws stop_error(), marked agreed, if a stop is requested on any.
void check_stop_together(const Communicator& ranks);

/// Collective: runs `action` on every rank. A rank whose action throws Error does not leave the
/// others waiting: all of them then throw the common error.
/// The action itself must not communicate over `ranks`.
template <class Action>
auto together(const Communicator& ranks, Action&& action) {
    using Result = std::invoke_result_t<Action>;
    std::optional<support::Error> problem;
    if constexpr (std::is_void_v<Result>) {
        try {
            action();
        } catch (const support::Error& error) {
            problem = error;
        }
        agree(ranks, problem);
    } else {
        std::optional<Result> result;
        try {
            result.emplace(action());
        } catch (const support::Error& error) {
            problem = error;
        }
        agree(ranks, problem);
        return std::move(*result);
    }
}

/// Collective: `produce` runs on rank 0 alone; its text, or its error, reaches every rank.
template <class Produce>
std::string from_root(const Communicator& ranks, Produce&& produce) {
    std::string text;
    together(ranks, [&] {
        if (ranks.is_root()) {
            text = produce();
        }
    });
    return ranks.broadcast_text(std::move(text));
}

}  // namespace alphaprune::parallel
