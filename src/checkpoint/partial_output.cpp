#include "partial_output.hpp"

#include <fmt/format.h>

#include <cassert>

#include "alphaprune/support/message.hpp"

namespace alphaprune::checkpoint {
namespace fs = std::filesystem;

namespace {

const support::Failure<std::uint64_t, std::string> kCannotSize{
    "checkpoint.file-size", "giving the file its {} bytes failed: {}",
    "the file system, a quota or a limit of the shell does not allow a file of that size",
    "check that this file system and the limits of this shell (ulimit -f) allow files of that "
    "size"};

}  // namespace

bool is_plain_file(const fs::path& path) {
    return fs::is_regular_file(support::link_status_of(path));
}

bool is_plain_folder(const fs::path& path) {
    return fs::is_directory(support::link_status_of(path));
}

void set_size(const fs::path& file, std::uint64_t bytes) {
    std::error_code problem;
    if (is_plain_file(file)) {
        fs::resize_file(file, bytes, problem);
    } else {
        problem = std::make_error_code(std::errc::no_such_file_or_directory);
    }
    if (problem) {
        throw kCannotSize(file.string(), bytes, problem.message());
    }
}

void extend_to(const fs::path& file, std::uint64_t bytes) {
    std::error_code problem;
    const std::uintmax_t size = fs::file_size(file, problem);
    if (problem || size < bytes) {
        set_size(file, bytes);
    }
}

const model::TensorInfo& tensor_with_rows(const std::vector<model::TensorInfo>& tensors, int tensor,
                                          [[maybe_unused]] parallel::RowRange rows,
                                          [[maybe_unused]] std::uint64_t bytes) {
    const model::TensorInfo& info = tensors.at(static_cast<std::size_t>(tensor));
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= info.rows());
    assert(bytes == static_cast<std::uint64_t>(rows.size()) * info.row_bytes());
    return info;
}

std::string describe(std::string_view doing, parallel::RowRange rows) {
    return rows.size() == 1 ? fmt::format("{} row {}", doing, rows.begin)
                            : fmt::format("{} rows {} to {}", doing, rows.begin, rows.end - 1);
}

support::Error naming(const support::Error& error, std::string_view doing,
                      std::string_view object) {
    std::vector<support::Fault> faults = error.faults();
    for (support::Fault& fault : faults) {
        fault.what = fmt::format("{} failed: {}", doing, fault.what);
        fault.where = fmt::format("{}: {}", fault.where, object);
    }
    return {support::ExitStatus::failed, std::move(faults)};
}

}  // namespace alphaprune::checkpoint
