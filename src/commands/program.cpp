#include "alphaprune/commands/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <sstream>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/commands/options.hpp"
#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune {
namespace {

std::vector<std::string> environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        variables.emplace_back(*variable);
    }
    return variables;
}

/// Rank 0 reads the request with its environment and configuration file; the others hear the
/// outcome, so that all ranks do the same wherever they were started.
Options agree_on_options(const Communicator& world, int argc, char** argv) {
    constexpr char kEnd = '\0';
    const std::string request = from_root(world, [&] {
        std::string joined;
        for (const std::string& word :
             resolved_arguments(std::vector<std::string>(argv + 1, argv + argc), environment())) {
            joined += word + kEnd;
        }
        return joined;
    });
    std::vector<std::string> words;
    std::istringstream stream(request);
    for (std::string word; std::getline(stream, word, kEnd);) {
        words.push_back(word);
    }
    Options options = parse_options(words, {});
    options.command_line.assign(argv, argv + argc);
    return options;
}

ExitStatus carry_out(const Communicator& world, const Options& options) {
    switch (options.command) {
        case Command::run:
            return run(world, options);
        case Command::analyze:
            return analyze(world, options);
        case Command::plan:
            return plan(world, options);
        case Command::verify:
            return verify(world, options);
        case Command::evaluate:
            return evaluate(world, options);
        case Command::export_model:
            return export_model(world, options);
        case Command::help:
        case Command::version:
            break;
    }
    if (world.is_root()) {
        fmt::print("{}", options.command == Command::help ? help_text() : version_text());
        std::fflush(stdout);
    }
    return ExitStatus::done;
}

/// An error that only this rank knows of: say it here, and end the other ranks, which may be
/// waiting for this one.
[[noreturn]] void end_all(const Communicator& world, const std::string& text, ExitStatus status) {
    fmt::print(stderr, "alphaprune_mpi: on rank {} ({}):\n{}", world.rank(), host_name(), text);
    std::fflush(stderr);
    world.abort(static_cast<int>(status));
}

}  // namespace

ExitStatus run_program(const Communicator& world, int argc, char** argv) {
    start_log(world.is_root(), LogLevel::info);
    use_one_blas_thread();
    try {
        const Options options = agree_on_options(world, argc, argv);
        start_log(world.is_root(), options.log_level);
        return carry_out(world, options);
    } catch (const Error& error) {
        if (!error.agreed()) {
            end_all(world, error.what(), error.status());
        }
        log(LogLevel::error, error.what());
        close_log_file();
        return error.status();
    } catch (const std::bad_alloc&) {
        end_all(world, to_text({"out of memory", host_name(), "use fewer ranks on each node"}),
                ExitStatus::failed);
    } catch (const std::exception& problem) {
        end_all(world, to_text({problem.what(), "", "this is a defect: please report it"}),
                ExitStatus::failed);
    }
}

}  // namespace alphaprune
