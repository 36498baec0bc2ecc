#include "matrix.hpp"

#include <cstring>

#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::linalg {
namespace {

const support::Failure<std::int64_t, std::int64_t, std::string> kNoRoom{
    "linalg.no-room", "out of memory: no room for what a {}x{} matrix takes ({})",
    "the ranks of this node, or other programs on it, take more memory than there is",
    "use fewer ranks on each node, or more nodes, or let more ranks share a matrix"};

}  // namespace

support::Error no_room_for(std::int64_t rows, std::int64_t cols, std::size_t bytes) {
    return kNoRoom(support::host_name(), rows, cols, support::human_bytes(bytes));
}

Matrix::Matrix(std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols) {
    constexpr std::size_t kLine = 64;
    const std::size_t bytes = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * 8;
    const std::size_t whole_lines = (bytes / kLine + 1) * kLine;  // never none: no null pointer
    values_ = aligned_memory<double>(kLine, whole_lines, rows, cols);
    std::memset(values_.get(), 0, whole_lines);
}

}  // namespace alphaprune::linalg
