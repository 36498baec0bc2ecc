#pragma once

#include "alphaprune/cli/options.hpp"
#include "alphaprune/cli/request.hpp"

namespace alphaprune::cli {

/// The request's values as options. Values that are unreadable, out of range or missing go to
/// `faults`.
/// @param request  with a command other than help and version
Options understood(const Request& request, support::FaultList& faults);

}  // namespace alphaprune::cli
