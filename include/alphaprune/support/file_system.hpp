#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

/// Whether this errno says that the path a user has named is wrong for the purpose: nothing is
/// there, it may not be read, it is a folder. Any other (EIO, ESTALE, EMFILE, ENOMEM, ETIMEDOUT, …)
/// is about the system, which may well answer the next time.
bool is_about_the_path(int reason);

/// The system does not do what the program needs (exit status 1): "`doing` failed: reason".
Error system_failure(std::string_view doing, const std::filesystem::path& path, int reason);

/// A file or folder that was named cannot be used: the request is wrong where the errno is about
/// the path, else the system fails.
/// @param what         as in "cannot open the file"
/// @param path_remedy  where the request is wrong
Error path_error(std::string_view what, const std::filesystem::path& path, int reason,
                 std::string_view path_remedy = "check the path and its permissions");

/// What stands under a path, links followed: file_type::not_found where nothing does.
/// @throws Error (bad_request) where that may not be looked at, (failure) where the system does not
///         say: neither must pass for a file that is not there
std::filesystem::file_status status_of(const std::filesystem::path& path);
/// The same for the path itself, which may be a link.
std::filesystem::file_status link_status_of(const std::filesystem::path& path);

/// The path itself, absolute, or the deepest of the folders it lies in that exists. Where the path
/// leads through a file, that file.
std::filesystem::path existing_ancestor(const std::filesystem::path& path);

/// Makes a folder in the output, or takes the one that is there. @throws Error (failure) when a
/// symbolic link or anything else stands there.
void make_own_folder(const std::filesystem::path& folder);

/// Bytes that an ordinary user may still write in the file system of `folder`.
std::uint64_t free_space(const std::filesystem::path& folder);

/// Owns an open file descriptor of the system; less than zero: none.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        const Descriptor closed(std::exchange(number_, std::exchange(other.number_, -1)));
        return *this;
    }
    ~Descriptor();

    int get() const { return number_; }

  private:
    int number_;
};

/// A file that one process at a time may hold; the system releases it when the process ends,
/// however it ends. On file systems without locks every process gets it.
class FileLock {
  public:
    /// Waits up to 10 s for a process that is just ending.
    /// @throws Error (bad_request) when another process keeps it, or when the file cannot be made
    static FileLock take(const std::filesystem::path& path);

  private:
    explicit FileLock(int descriptor) : descriptor_(descriptor) {}
    Descriptor descriptor_;
};

}  // namespace alphaprune::support
