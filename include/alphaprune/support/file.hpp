#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/support/file_system.hpp"

namespace alphaprune::support {

/// What changes when a file's contents do.
struct FileStamp {
    std::uint64_t size = 0;     ///< bytes
    std::int64_t modified = 0;  ///< nanoseconds since 1970

    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Writes all of it, in as many pieces as it takes; allocates nothing.
/// @return  0, or the errno of what prevents it
int write_whole(int descriptor, std::span<const std::byte> bytes);

/// One open file. Every failure throws Error with the path and the system's reason.
class File {
  public:
    /// Waits for nothing: a pipe or a device is refused. Links are followed. @throws Error
    /// (bad_request) where there is no such file or it may not be read, (failure) where the system
    /// fails (see file_system.hpp)
    static File open_for_reading(const std::filesystem::path& path);
    /// A new file. What stood under that name, be it a link or a pipe, is removed: neither followed
    /// nor emptied.
    static File create(const std::filesystem::path& path);
    /// A file that exists, its contents kept, for write_at; a symbolic link is refused.
    static File open_for_writing(const std::filesystem::path& path);
    /// The same, or a new file, to be continued at its end.
    static File open_for_appending(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    /// Size in bytes now.
    std::uint64_t size() const { return stamp().size; }
    FileStamp stamp() const;
    /// Fills `out` from byte `offset` on.
    /// @throws Error (failure) on a read error or when the file ends before.
    void read_at(std::uint64_t offset, std::span<std::byte> out) const;
    void write(std::span<const std::byte> bytes);
    /// Writes from byte `offset` on, wherever write() stands.
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    /// write_at for much at a time: the disk is set to work at once (where the system can be told
    /// so), not only when sync() waits for it.
    void stream_at(std::uint64_t offset, std::span<const std::byte> bytes);
    /// Makes what was written durable (fsync).
    void sync();

  private:
    File(int descriptor, std::filesystem::path path);
    /// A regular file that is no link.
    static File open_own(const std::filesystem::path& path, int mode, std::string_view doing);

    Descriptor descriptor_;
    std::filesystem::path path_;
};

/// The whole file as text. @throws Error (bad_request) when missing, not permitted, or over
/// `limit`, (failure) when reading fails
std::string read_text(const std::filesystem::path& path, std::uint64_t limit = 64U << 20);

/// Writes under `path` + ".partial", syncs, and renames: the final name never holds half a file.
void write_text_atomically(const std::filesystem::path& path, std::string_view text);
void write_bytes_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// The temporary name of a file that is being written.
std::filesystem::path partial_name(const std::filesystem::path& path);
/// Makes the names in a folder durable, where the file system can.
void sync_folder(const std::filesystem::path& folder);
/// Renames `path`'s partial file to its final name and syncs the folder.
void publish(const std::filesystem::path& path);

}  // namespace alphaprune::support
