#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

/// The wish that this process stops its work early, so that a later run can go on with it. There is
/// one a process, as there is one set of signal handlers: long work asks `check_stop` now and then,
/// wherever it is, and what is thrown reaches the other ranks as every Error does.

/// The signals that ask for it.
inline constexpr std::array kStopSignals{SIGTERM, SIGINT, SIGUSR1};

/// From now on they do. One that comes more than a quarter of a second after the first ends the
/// process at once (one signal often arrives by two ways).
void listen_for_stop_signals();

/// From now on these signals end the process again, as they end any; so does one that has come.
void stop_listening();

/// Asks for a stop. The first reason stays. Any thread may ask.
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

/// What stopped work throws: status `stopped`, the same text whatever the reason is.
Error stop_error();

/// The work at hand is of no use any more, because another rank has failed: check_stop ends it as
/// at a stop, though none is requested. Until it is taken back with `false`.
void abandon_work(bool abandoned);
bool work_abandoned();

/// @throws stop_error() when a stop is requested or the work is abandoned
inline void check_stop() {
    if (stop_requested() || work_abandoned()) {
        throw stop_error();
    }
}

/// Forgets request, deadline and signals: for tests.
void forget_stop();

}  // namespace alphaprune::support
