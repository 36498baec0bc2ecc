#include "alphaprune/support/batch_job.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <sstream>
#include <string_view>

#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/number.hpp"

namespace alphaprune::support {
namespace {

bool only_digits(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The name of a job, which becomes an argument of the batch system's own program.
bool is_job_name(const std::optional<std::string>& name) {
    return name && !name->empty() && name->front() != '-';
}

std::string first_word(const std::string& text) {
    std::istringstream words(text);
    std::string word;
    words >> word;
    return word;
}

std::optional<double> number_of(const std::string& text) {
    const auto number = number_in<double>(text);
    return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<double> left_in_slurm(const EnvironmentLookup& environment, const CommandOutput& run,
                                    std::time_t now) {
    const auto end = environment("SLURM_JOB_END_TIME");
    if (end && only_digits(*end)) {
        return std::stod(*end) - static_cast<double>(now);
    }
    const auto job = environment("SLURM_JOB_ID");
    if (!job || !only_digits(*job)) {
        return std::nullopt;
    }
    return seconds_of(first_word(run({"squeue", "-h", "-j", *job, "-o", "%L"})));
}

/// The value of a line "    NAME = VALUE" of qstat -f; empty without it.
std::string value_of(const std::string& text, std::string_view name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t begin = line.find_first_not_of(" \t");
        const std::size_t equals = line.find(" = ");
        if (begin != std::string::npos && equals != std::string::npos &&
            line.substr(begin, equals - begin) == name) {
            return line.substr(equals + 3);
        }
    }
    return "";
}

/// "Fri Nov 27 20:06:44 2026", as ctime() writes local time.
std::optional<std::time_t> time_of(const std::string& text) {
    std::tm when{};
    if (strptime(text.c_str(), "%a %b %d %H:%M:%S %Y", &when) == nullptr) {
        return std::nullopt;
    }
    when.tm_isdst = -1;
    const std::time_t time = std::mktime(&when);
    return time == -1 ? std::nullopt : std::optional(time);
}

/// PBS says when a job was started and how long it may run; Torque how many seconds remain. What it
/// has used is known to both only now and then.
std::optional<double> left_in_pbs(const EnvironmentLookup& environment, const CommandOutput& run,
                                  std::time_t now) {
    const auto job = environment("PBS_JOBID");
    if (!is_job_name(job)) {
        return std::nullopt;
    }
    const std::string text = run({"qstat", "-f", *job});
    if (const auto left = number_of(value_of(text, "Walltime.Remaining"))) {
        return left;
    }
    const auto limit = seconds_of(value_of(text, "Resource_List.walltime"));
    if (!limit) {
        return std::nullopt;
    }
    if (const auto start = time_of(value_of(text, "stime"))) {
        return *limit - std::difftime(now, *start);
    }
    const auto used = seconds_of(value_of(text, "resources_used.walltime"));
    return used ? std::optional(*limit - *used) : std::nullopt;
}

/// "1:05 L": hours and minutes until the limit of the job; other letters mark guesses.
std::optional<double> left_in_lsf(const EnvironmentLookup& environment, const CommandOutput& run) {
    const auto job = environment("LSB_JOBID");
    if (!is_job_name(job)) {
        return std::nullopt;
    }
    const auto index = environment("LSB_JOBINDEX");
    const bool of_array = index && only_digits(*index) && *index != "0";
    std::istringstream words(run(
        {"bjobs", "-noheader", "-o", "time_left", of_array ? *job + "[" + *index + "]" : *job}));
    std::string left;
    std::string kind;
    words >> left >> kind;
    return kind == "L" ? seconds_of(left + ":00") : std::nullopt;
}

std::optional<double> left_in_flux(const EnvironmentLookup& environment, const CommandOutput& run) {
    return environment("FLUX_JOB_ID") ? number_of(first_word(run({"flux", "job", "timeleft"})))
                                      : std::nullopt;
}

/// What comes until the other end is closed; nothing where that takes too long.
std::string read_all(int descriptor) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds kLongest{5};
    constexpr std::size_t kMost = 1U << 16;
    const auto end = Clock::now() + kLongest;
    std::string text;
    std::array<char, 4096> part{};
    while (text.size() < kMost) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd waiting{descriptor, POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) {
            return {};
        }
        const ssize_t got = ::read(descriptor, part.data(), part.size());
        if (got <= 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

std::optional<BatchJob> batch_job(const EnvironmentLookup& environment, const CommandOutput& run,
                                  std::time_t now) {
    if (const auto left = left_in_slurm(environment, run, now)) {
        return BatchJob{"Slurm", *left};
    }
    if (const auto left = left_in_pbs(environment, run, now)) {
        return BatchJob{"PBS", *left};
    }
    if (const auto left = left_in_lsf(environment, run)) {
        return BatchJob{"LSF", *left};
    }
    if (const auto left = left_in_flux(environment, run)) {
        return BatchJob{"Flux", *left};
    }
    return std::nullopt;
}

std::string output_of(const std::vector<std::string>& words) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return {};
    }
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int problem =
        ::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    const std::string text = problem == 0 ? read_all(pipe[0]) : std::string();
    ::close(pipe[0]);
    if (problem != 0) {
        return {};
    }
    if (text.empty()) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : std::string();
}

}  // namespace alphaprune::support
