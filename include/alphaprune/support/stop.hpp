#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

/// The request that this process stops its work early, so that a later run can continue it. There
/// is one per process, as there is one set of signal handlers: long computations call `check_stop`
/// now and then, and what it throws reaches the other ranks as every Error does.

/// The signals that request a stop.
inline constexpr std::array kStopSignals{SIGTERM, SIGINT, SIGUSR1};

/// From now on they wait for listen_for_stop_signals, even if the process executes a program anew.
void hold_stop_signals();

/// From now on they do, also one that was held or blocked. One that arrives more than a quarter of
/// a second after the first ends the process at once (one signal often arrives twice, by way of the
/// launcher and the batch system).
void listen_for_stop_signals();

/// Restores the default action of these signals, which ends the process; one that has arrived does
/// so now.
void stop_listening();

/// Requests a stop, from any thread. The first reason is kept.
/// @param reason  for the user, as in "SIGTERM came", "the time limit is near"
void request_stop(std::string_view reason);

/// All work must have ended by then; from then on a stop is requested.
void set_deadline(std::chrono::steady_clock::time_point deadline, std::string_view reason);

/// Seconds until the deadline, at least 0; nothing when there is none.
std::optional<double> seconds_left();

/// Cheap enough for an inner loop of some microseconds.
bool stop_requested();

/// Why; empty when no stop is requested.
std::string stop_reason();

/// What check_stop throws: status `stopped`, the same text whatever the reason.
Error stop_error();

/// The current work has become useless because another rank has failed: check_stop throws as at a
/// stop, though none is requested, until this is withdrawn with `false`.
void abandon_work(bool abandoned);
bool work_abandoned();

/// @throws stop_error() when a stop is requested or the work is abandoned
inline void check_stop() {
    if (stop_requested() || work_abandoned()) {
        throw stop_error();
    }
}

/// Clears request, deadline and signals: for tests.
void reset_stop();

}  // namespace alphaprune::support
