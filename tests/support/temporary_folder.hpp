#pragma once

#include <filesystem>
#include <string>

namespace alphaprune::test {

/// A new empty folder, removed with all that is in it at the end of the test. In a collective test
/// one rank makes it and tells the others its path.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

}  // namespace alphaprune::test
