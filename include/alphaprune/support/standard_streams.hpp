#pragma once

#include <string_view>

namespace alphaprune::support {

/// Makes those of the three standard streams that the process was started without lead to
/// /dev/null; else the next file that is opened takes their place, and what is printed goes there.
/// From then on a reader that has gone does not end the process (SIGPIPE).
void open_standard_streams();

/// Writes what a command was asked for to standard output, all of it. That a reader has gone (as
/// `head` goes once it has its lines) is no fault.
/// @throws Error (failed) when it cannot be written, as on a full disk
void print_result(std::string_view text);

}  // namespace alphaprune::support
