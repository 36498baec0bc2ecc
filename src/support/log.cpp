#include "alphaprune/support/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "alphaprune/support/error.hpp"

namespace alphaprune {
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

struct Voice {
    std::unique_ptr<spdlog::logger> terminal;
    std::unique_ptr<spdlog::logger> file;
    LogLevel level = LogLevel::info;
};

Voice& voice() {
    static Voice one;
    return one;
}

}  // namespace

void start_log(bool speaks, LogLevel level) {
    voice() = {};
    voice().level = level;
    if (speaks) {
        voice().terminal = std::make_unique<spdlog::logger>(
            "terminal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        voice().terminal->set_pattern("%v");
        voice().terminal->set_level(spdlog_level(level));
    }
}

void open_log_file(const std::filesystem::path& path) {
    if (!voice().terminal) {
        return;
    }
    try {
        voice().file = std::make_unique<spdlog::logger>(
            "file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string(), true));
    } catch (const spdlog::spdlog_ex& problem) {
        throw failure(fmt::format("cannot write the log: {}", problem.what()), path.string());
    }
    voice().file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
    voice().file->set_level(spdlog_level(std::min(voice().level, LogLevel::info)));
    voice().file->flush_on(spdlog::level::debug);
}

void close_log_file() {
    voice().file.reset();
}

void log(LogLevel level, std::string_view text) {
    if (voice().terminal) {
        voice().terminal->log(spdlog_level(level), for_terminal(level, text));
    }
    if (voice().file) {
        voice().file->log(spdlog_level(level), text);
    }
}

void log_to_file(std::string_view text) {
    if (voice().file) {
        voice().file->info(text);
    }
}

}  // namespace alphaprune
