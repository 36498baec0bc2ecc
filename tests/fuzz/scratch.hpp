#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace alphaprune::fuzz {

/// A folder in memory, where there is one, for inputs that are read as files; gone with the
/// process.
class Scratch {
  public:
    Scratch() {
        namespace fs = std::filesystem;
        std::error_code ignored;
        const fs::path memory = "/dev/shm";
        const bool usable = ::access(memory.c_str(), W_OK) == 0;
        std::string name = (usable ? memory : fs::temp_directory_path()) / "alphaprune-fuzz-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            std::abort();
        }
        folder_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    const std::filesystem::path& folder() const { return folder_; }

    std::filesystem::path write(const std::string& name, std::string_view contents) const {
        const auto path = folder_ / name;
        std::ofstream(path, std::ios::binary)
            .write(contents.data(), static_cast<std::streamsize>(contents.size()));
        return path;
    }

  private:
    std::filesystem::path folder_;
};

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Takes what stands before the next line of three dashes off the text; all of it where there is
/// no such line.
inline std::string_view take_part(std::string_view& text) {
    constexpr std::string_view kBetween = "\n---\n";
    const auto end = text.find(kBetween);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + kBetween.size());
    return part;
}

}  // namespace alphaprune::fuzz
