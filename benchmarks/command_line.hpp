#pragma once

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::benchmark {

inline support::Error bad_request(std::string what, std::string where, std::string remedy) {
    return {support::ExitStatus::bad_request,
            {{std::move(what), std::move(where), std::move(remedy)}}};
}

/// Fills what `options` (one of them "help") are tied to. False when only help was asked for; it
/// has been printed then, on the rank that `speaks`. @throws Error (bad_request)
inline bool read_command_line(const boost::program_options::options_description& options, int argc,
                              char** argv, bool speaks) {
    namespace po = boost::program_options;
    po::variables_map given;
    try {
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
    } catch (const po::error& error) {
        throw bad_request(error.what(), "command line", "see --help");
    }
    if (given.count("help") != 0 && speaks) {
        std::cout << options;
    }
    return given.count("help") == 0;
}

struct Shape {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};

/// "4096x11008". @throws Error (bad_request)
inline Shape shape_of(const std::string& text) {
    long long rows = 0;
    long long cols = 0;
    int end = 0;
    const int found = std::sscanf(text.c_str(), "%lldx%lld%n", &rows, &cols, &end);
    if (found != 2 || static_cast<std::size_t>(end) != text.size() || rows < 1 || cols < 1) {
        throw bad_request(fmt::format("'{}' is no shape", text), "--shape",
                          "give rows x columns, such as 4096x11008");
    }
    return {rows, cols};
}

/// The exit status of a benchmark; what went wrong is told by rank 0.
template <class Work>
int status_of(const parallel::Communicator& all, Work&& work) {
    try {
        work();
        return 0;
    } catch (const support::Error& error) {
        if (all.is_root()) {
            std::cerr << error.what();
        }
        return static_cast<int>(error.status());
    }
}

}  // namespace alphaprune::benchmark
