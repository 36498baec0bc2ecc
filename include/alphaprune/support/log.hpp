#pragma once

#include <filesystem>
#include <string_view>

namespace alphaprune::support {

enum class LogLevel { debug, info, warning, error };

/// The program's voice. Rank 0 speaks to standard error (and to run.log once it is opened); the
/// other ranks are silent. Until start_log is called, every rank is silent.
void start_log(bool speaks, LogLevel level);

enum class LogFile { anew, continued };

/// From now on every line, time-stamped, also goes to this file: `first_line`, the warnings given
/// so far, then the rest. @throws Error when it cannot be made, or, to be continued, is a symbolic
/// link.
void open_log_file(const std::filesystem::path& path, LogFile kind = LogFile::anew,
                   std::string_view first_line = {});

/// Releases the log file, everything written.
void close_log_file();

void log(LogLevel level, std::string_view text);
inline void log_info(std::string_view text) {
    log(LogLevel::info, text);
}
inline void log_warning(std::string_view text) {
    log(LogLevel::warning, text);
}

/// For what must be said at once, whichever rank this is and whatever state it is in: goes to
/// standard error in one piece.
void say_past_the_log(std::string_view text);

/// A line for the log file alone: what a terminal shows as a live line.
void log_to_file(std::string_view text);

}  // namespace alphaprune::support
