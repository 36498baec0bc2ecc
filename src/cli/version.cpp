#include <fmt/format.h>

#include "alphaprune/cli/help.hpp"
#include "alphaprune_commit.hpp"

namespace alphaprune::cli {

std::string_view program_version() {
    return ALPHAPRUNE_VERSION;
}

std::string_view program_commit() {
    return kBuiltFromCommit;
}

std::string version_text() {
    return fmt::format("alphaprune_mpi {} ({})\nbuilt with {}\n", program_version(),
                       program_commit(), ALPHAPRUNE_BUILT_WITH);
}

}  // namespace alphaprune::cli
