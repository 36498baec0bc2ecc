#include "alphaprune/parallel/mpi_call.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace alphaprune::parallel {

support::Error mpi_failure(int code, const char* call) {
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    if (!mpi_succeeded(MPI_Error_string(code, text.data(), &length))) {
        length = 0;
    }
    return support::failure(
        fmt::format("the MPI call {} failed: {}", call,
                    std::string_view(text.data(), static_cast<std::size_t>(length))),
        "",
        "MPI or the network between the nodes is in trouble: look at the nodes, then "
        "start again with --resume");
}

}  // namespace alphaprune::parallel
