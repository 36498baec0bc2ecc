#include "alphaprune/support/log.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/control_characters.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::support {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            break;
    }
    return spdlog::level::err;
}

/// Informative lines stand bare on the terminal; the others are named.
std::string for_terminal(LogLevel level, std::string_view text) {
    return level == LogLevel::warning ? fmt::format("warning: {}", text) : std::string(text);
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
        } catch (const Error&) {  // the results, too, find the disk full, and say so once
            full_ = true;
        }
    }
    void flush_() override {}

  private:
    File file_;
    bool full_ = false;
};

struct Voice {
    std::unique_ptr<spdlog::logger> terminal;
    std::unique_ptr<spdlog::logger> file;
    std::vector<std::string> early_warnings;  ///< given before the file was opened
    LogLevel level = LogLevel::info;
};

Voice& voice() {
    static Voice one;
    return one;
}

}  // namespace

void start_log(bool speaks, LogLevel level) {
    voice().terminal.reset();
    voice().file.reset();
    voice().level = level;
    if (speaks) {
        voice().terminal = std::make_unique<spdlog::logger>(
            "terminal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        voice().terminal->set_pattern("%v");
        voice().terminal->set_level(spdlog_level(level));
    }
}

void open_log_file(const std::filesystem::path& path, LogFile kind, std::string_view first_line) {
    if (!voice().terminal) {
        return;
    }
    File file = kind == LogFile::continued ? File::open_for_appending(path) : File::create(path);
    voice().file =
        std::make_unique<spdlog::logger>("file", std::make_shared<FileSink>(std::move(file)));
    voice().file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
    voice().file->set_level(spdlog_level(std::min(voice().level, LogLevel::info)));
    if (!first_line.empty()) {
        log_to_file(first_line);
    }
    for (const std::string& warning : std::exchange(voice().early_warnings, {})) {
        voice().file->warn(warning);
    }
}

void close_log_file() {
    voice().file.reset();
}

void log(LogLevel level, std::string_view given) {
    const std::string text = without_control_characters(given);
    if (voice().terminal) {
        voice().terminal->log(spdlog_level(level), for_terminal(level, text));
    }
    if (voice().file) {
        voice().file->log(spdlog_level(level), text);
    } else if (voice().terminal && level == LogLevel::warning) {
        voice().early_warnings.push_back(text);
    }
}

void say_past_the_log(std::string_view text) {
    write_whole(STDERR_FILENO, std::as_bytes(std::span(text)));
}

void log_to_file(std::string_view text) {
    if (voice().file) {
        voice().file->info(without_control_characters(text));
    }
}

}  // namespace alphaprune::support
