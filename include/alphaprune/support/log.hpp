#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace alphaprune::support {

enum class LogLevel { debug, info, warning, error };

/// Rank 0 logs to standard error, and to run.log once it is opened; the other ranks log nothing.
/// Until this is called, no rank does.
/// @param enabled  on rank 0
void start_log(bool enabled, LogLevel level);

enum class LogFile { anew, continued };

/// From now on every line also goes to this file, with a time stamp: `first_line`, the warnings
/// given so far, then the rest. @throws Error when it cannot be made, or, to be continued, is a
/// symbolic link.
void open_log_file(const std::filesystem::path& path, LogFile kind = LogFile::anew,
                   std::string_view first_line = {});

/// Closes the log file, everything written.
void close_log_file();

void log(LogLevel level, std::string_view text);
inline void log_info(std::string_view text) {
    log(LogLevel::info, text);
}
inline void log_warning(std::string_view text) {
    log(LogLevel::warning, text);
}

/// Writes to standard error at once, in one piece, on any rank and in any state of the log.
void write_to_stderr(std::string_view text);

/// A line for the log file alone, for what a terminal shows as a progress line.
void log_to_file(std::string_view text);

/// Opens those of the three standard streams that the process was started without on /dev/null;
/// else the next file opened would take their place and receive what is printed. From then on a
/// reader that has closed its end does not end the process (SIGPIPE is ignored).
void open_standard_streams();

/// Writes the result of a command to standard output, all of it. A reader that has closed its end
/// (as `head` does once it has its lines) is no error.
/// @throws Error (failed) when it cannot be written, as on a full disk
void print_result(std::string_view text);

/// The text with each control character but line ends and tabs replaced by a question mark, so that
/// a name read from a file cannot control the terminal it is shown on.
std::string without_control_characters(std::string_view text);

}  // namespace alphaprune::support
