#include "alphaprune/support/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "alphaprune/support/message.hpp"
#include "alphaprune/support/slabs.hpp"

namespace alphaprune::support {
namespace {

const BadRequest<> kNotAFile{"support.not-a-file", "this is not a regular file",
                             "the name is that of a folder, a pipe or a device", "name a file"};
const Failure<> kNotAFileInOutput{"support.not-a-file-in-output", "this is not a regular file",
                                  "something else stands under the name of a file of the output",
                                  "remove it and run again"};
const Failure<std::uint64_t, std::size_t> kFileEndsEarly{
    "support.file-ends-early", "the file ends at byte {}, {} bytes early",
    "it was cut off in a copy or download, or changed while it was read",
    "the file is truncated or changed: fetch it again"};
const BadRequest<std::uint64_t, std::uint64_t> kFileTooLarge{
    "support.file-too-large", "the file has {} bytes, more than the {} that such a file may have",
    "another file has that name, or the wrong one was named", "check that this is the right file"};

/// A pipe would make open() wait for its other end, a terminal would become the job's own. To
/// regular files these flags mean nothing.
constexpr int kDoNotWait = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

bool is_regular(int descriptor, const std::filesystem::path& path) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        throw system_failure("asking what the file is", path, errno);
    }
    return S_ISREG(status.st_mode);
}

/// A file system over a network may be interrupted before it answers.
int open_patiently(const std::filesystem::path& path, int flags) {
    int descriptor = -1;
    do {
        descriptor = ::open(path.c_str(), flags, 0666);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/// No more than a hint: what goes wrong shows when the file is synced.
void start_writing_out([[maybe_unused]] int descriptor, [[maybe_unused]] std::uint64_t offset,
                       [[maybe_unused]] std::uint64_t bytes) {
#ifdef SYNC_FILE_RANGE_WRITE
    static_cast<void>(::sync_file_range(descriptor, static_cast<off_t>(offset),
                                        static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE));
#endif
}

}  // namespace

File::File(int descriptor, std::filesystem::path path)
    : descriptor_(descriptor), path_(std::move(path)) {}

int write_whole(int descriptor, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
        if (put >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(put));
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

File File::open_for_reading(const std::filesystem::path& path) {
    const int descriptor = open_patiently(path, O_RDONLY | kDoNotWait);
    if (descriptor < 0) {
        throw path_error("cannot open the file", path, errno);
    }
    File file(descriptor, path);
    if (!is_regular(descriptor, path)) {
        throw kNotAFile(path.string());
    }
    return file;
}

File File::create(const std::filesystem::path& path) {
    // Emptying what stands there would empty what a hard link names, too.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        throw system_failure("replacing what stands under the file's name", path, errno);
    }
    const int descriptor = open_patiently(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
    if (descriptor < 0) {
        throw system_failure("creating the file", path, errno);
    }
    return {descriptor, path};
}

File File::open_for_writing(const std::filesystem::path& path) {
    return open_own(path, O_WRONLY, "opening the file for writing");
}

File File::open_for_appending(const std::filesystem::path& path) {
    return open_own(path, O_WRONLY | O_APPEND | O_CREAT, "opening the file to add to it");
}

File File::open_own(const std::filesystem::path& path, int mode, std::string_view doing) {
    const int descriptor = open_patiently(path, mode | O_NOFOLLOW | kDoNotWait);
    if (descriptor < 0) {
        throw system_failure(doing, path, errno);
    }
    File file(descriptor, path);
    if (!is_regular(descriptor, path)) {
        throw kNotAFileInOutput(path.string());
    }
    return file;
}

FileStamp File::stamp() const {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) {
        throw system_failure("asking for the size", path_, errno);
    }
    constexpr std::int64_t kBillion = 1'000'000'000;
    return {static_cast<std::uint64_t>(status.st_size),
            std::int64_t{status.st_mtim.tv_sec} * kBillion + status.st_mtim.tv_nsec};
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
        const ssize_t got =
            ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw system_failure(fmt::format("reading at byte {}", offset), path_, errno);
        }
        if (got == 0) {
            throw kFileEndsEarly(path_.string(), offset, out.size());
        }
        offset += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

void File::write(std::span<const std::byte> bytes) {
    if (const int reason = write_whole(descriptor_.get(), bytes)) {
        throw system_failure("writing", path_, reason);
    }
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t put =
            ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            throw system_failure(fmt::format("writing at byte {}", offset), path_, errno);
        }
        offset += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

void File::stream_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    constexpr std::size_t kSlabBytes = std::size_t{8} << 20;
    constexpr std::size_t kWorthARequest = std::size_t{1} << 20;
    for_each_slab(bytes.size(), kSlabBytes, [&](std::size_t begin, std::size_t end) {
        write_at(offset + begin, bytes.subspan(begin, end - begin));
        if (end - begin >= kWorthARequest) {  // one for every little tensor would cost time
            start_writing_out(descriptor_.get(), offset + begin, end - begin);
        }
    });
}

void File::sync() {
    if (::fsync(descriptor_.get()) != 0) {
        throw system_failure("syncing", path_, errno);
    }
}

std::string read_text(const std::filesystem::path& path, std::uint64_t limit) {
    const File file = File::open_for_reading(path);
    const std::uint64_t size = file.size();
    if (size > limit) {
        throw kFileTooLarge(path.string(), size, limit);
    }
    std::string text(size, '\0');
    file.read_at(0, std::as_writable_bytes(std::span(text)));
    return text;
}

std::filesystem::path partial_name(const std::filesystem::path& path) {
    return path.string() + ".partial";
}

void sync_folder(const std::filesystem::path& folder) {
    const Descriptor opened(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::fsync(opened.get());  // as far as the file system can
}

void publish(const std::filesystem::path& path) {
    if (std::rename(partial_name(path).c_str(), path.c_str()) != 0) {
        throw system_failure("renaming the finished file", path, errno);
    }
    sync_folder(path.parent_path());
}

void write_bytes_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    File file = File::create(partial_name(path));
    file.write(bytes);
    file.sync();
    publish(path);
}

void write_text_atomically(const std::filesystem::path& path, std::string_view text) {
    write_bytes_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace alphaprune::support
