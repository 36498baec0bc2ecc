#pragma once

#include "alphaprune/commands/options.hpp"
#include "request.hpp"

namespace alphaprune {

/// The request's values as options. Values that are unreadable, out of range or missing go to
/// `faults`.
/// @param request  with a command other than help and version
Options understood(const Request& request, FaultList& faults);

}  // namespace alphaprune
