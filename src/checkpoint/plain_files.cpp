#include "plain_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "alphaprune/support/file_system.hpp"
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

void sync_names(const fs::path& folder) {
    const int descriptor =
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        ::fsync(descriptor);
        ::close(descriptor);
    }
}

}  // namespace alphaprune::checkpoint
