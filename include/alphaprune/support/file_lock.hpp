#pragma once

#include <filesystem>

namespace alphaprune::support {

/// A file that one process at a time may hold; the system lets go of it when the process ends,
/// however it ends. On file systems that know no locks everybody gets it.
class FileLock {
  public:
    /// Waits up to 10 s for a process that is just ending.
    /// @throws Error (bad_request) when another process keeps it, or when the file cannot be made
    static FileLock take(const std::filesystem::path& path);

    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

  private:
    explicit FileLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace alphaprune::support
