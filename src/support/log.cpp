#include "alphaprune/support/log.hpp"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::support {
namespace {

const Failure<std::string_view> kStandardOutput{
    "support.standard-output", "writing to standard output failed: {}",
    "the disk is full that standard output was redirected to",
    "make room where standard output goes, or send it elsewhere; files that were asked for are "
    "complete"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
    constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                 spdlog::level::err};
    return kLevels[static_cast<std::size_t>(level)];
}

/// spdlog's own file sink would write through a symbolic link.
class FileSink : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit FileSink(File file) : file_(std::move(file)) {}

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        try {
            if (!full_) {
                file_.write(std::as_bytes(std::span(line.data(), line.size())));
            }
        } catch (const Error&) {  // writing the results fails, too, and is reported
            full_ = true;
        }
    }
    void flush_() override {}

  private:
    File file_;
    bool full_ = false;
};

struct Loggers {
    std::unique_ptr<spdlog::logger> terminal;
    std::unique_ptr<spdlog::logger> file;
    std::vector<std::string> early_warnings;  ///< given before the file was opened
    LogLevel level = LogLevel::info;
};

Loggers& loggers() {
    static Loggers one;
    return one;
}

/// A control character of ASCII, line ends and tabs aside.
bool is_control(unsigned char byte) {
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
}

/// The second byte in UTF-8 of U+0080 to U+009F, which terminals obey, too.
bool is_c1_control(unsigned char before, unsigned char byte) {
    return before == 0xC2 && byte >= 0x80 && byte <= 0x9F;
}

}  // namespace

void start_log(bool enabled, LogLevel level) {
    loggers().terminal.reset();
    loggers().file.reset();
    loggers().level = level;
    if (enabled) {
        loggers().terminal = std::make_unique<spdlog::logger>(
            "terminal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        loggers().terminal->set_pattern("%v");
        loggers().terminal->set_level(spdlog_level(level));
    }
}

void open_log_file(const std::filesystem::path& path, LogFile kind, std::string_view first_line) {
    if (!loggers().terminal) {
        return;
    }
    File file = kind == LogFile::continued ? File::open_for_appending(path) : File::create(path);
    loggers().file =
        std::make_unique<spdlog::logger>("file", std::make_shared<FileSink>(std::move(file)));
    loggers().file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
    loggers().file->set_level(spdlog_level(std::min(loggers().level, LogLevel::info)));
    if (!first_line.empty()) {
        log_to_file(first_line);
    }
    for (const std::string& warning : std::exchange(loggers().early_warnings, {})) {
        loggers().file->warn(warning);
    }
}

void close_log_file() {
    loggers().file.reset();
}

void log(LogLevel level, std::string_view given) {
    const std::string text = without_control_characters(given);
    if (loggers().terminal) {
        const char* const mark = level == LogLevel::warning ? "warning: " : "";
        loggers().terminal->log(spdlog_level(level), mark + text);
    }
    if (loggers().file) {
        loggers().file->log(spdlog_level(level), text);
    } else if (loggers().terminal && level == LogLevel::warning) {
        loggers().early_warnings.push_back(text);
    }
}

void write_to_stderr(std::string_view text) {
    write_whole(STDERR_FILENO, std::as_bytes(std::span(text)));
}

void log_to_file(std::string_view text) {
    if (loggers().file) {
        loggers().file->info(without_control_characters(text));
    }
}

void open_standard_streams() {
    int stream = STDIN_FILENO;
    while (stream >= 0 && stream <= STDERR_FILENO) {
        stream = ::open("/dev/null", O_RDWR);  // takes the lowest number that is free
    }
    if (stream >= 0) {
        ::close(stream);
    }
    std::signal(SIGPIPE, SIG_IGN);
}

void print_result(std::string_view text) {
    const int reason = write_whole(STDOUT_FILENO, std::as_bytes(std::span(text)));
    if (reason != 0 && reason != EPIPE) {
        throw kStandardOutput("", std::strerror(reason));
    }
}

std::string without_control_characters(std::string_view text) {
    std::string shown(text);
    unsigned char before = 0;
    for (char& c : shown) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_control(byte) || is_c1_control(before, byte)) {
            c = '?';
        }
        before = byte;
    }
    return shown;
}

}  // namespace alphaprune::support
