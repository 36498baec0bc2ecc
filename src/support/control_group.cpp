#include "alphaprune/support/machine.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::support {
namespace {

namespace fs = std::filesystem;

/// A number greater than all real limits means none in version 1.
constexpr std::uint64_t kLeastUnlimited = std::uint64_t{1} << 60;

/// Where a hierarchy of groups can be seen.
struct Mount {
    bool version2 = false;
    std::string controllers;  ///< of version 1: "rw,cpu,cpuacct"
    std::string root;         ///< the group that is seen at the mount point
    fs::path point;
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

/// The kernel writes a blank in a path as \040.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size()) {
            plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                       (text[at + 3] - '0'));
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

/// The lines of /proc/self/mountinfo that are about control groups:
/// "30 23 0:26 ROOT POINT rw,nosuid shared:4 - cgroup2 cgroup2 rw"
std::vector<Mount> mounts_of(const fs::path& root) {
    std::vector<Mount> mounts;
    std::ifstream file(root / "proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        const std::vector<std::string> words = split(line, ' ');
        const auto dash = std::ranges::find(words, "-");
        if (words.size() < 7 || words.end() - dash < 4) {
            continue;
        }
        const std::string& type = dash[1];
        if (type == "cgroup" || type == "cgroup2") {
            mounts.push_back({type == "cgroup2", dash[3], unescaped(words[3]),
                              root / fs::path(unescaped(words[4])).relative_path()});
        }
    }
    return mounts;
}

bool has_word(const std::string& list, std::string_view word) {
    const std::vector<std::string> words = split(list, ',');
    return std::ranges::find(words, word) != words.end();
}

const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view controller) {
    const auto found = std::ranges::find_if(mounts, [&](const Mount& mount) {
        return controller.empty() ? mount.version2
                                  : !mount.version2 && has_word(mount.controllers, controller);
    });
    return found == mounts.end() ? nullptr : &*found;
}

/// The group of this process in one hierarchy: of version 2 without a controller, of version 1
/// with.
std::optional<std::string> group_of(const fs::path& root, std::string_view controller) {
    std::ifstream file(root / "proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {  // "4:cpu,cpuacct:/a/b", "0::/a/b"
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (controller.empty() ? controllers.empty() : has_word(controllers, controller)) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

/// The folders of the group of this process and of those above it, as far as they can be seen. In
/// a container its own group may be all that is mounted, whatever its path is outside.
std::vector<fs::path> folders_of(const fs::path& root, std::string_view controller) {
    const std::vector<Mount> mounts = mounts_of(root);
    const Mount* const mount = mount_of(mounts, controller);
    const auto group = group_of(root, controller);
    if (mount == nullptr || !group) {
        return {};
    }
    const fs::path below = fs::path(*group).lexically_relative(mount->root);
    std::vector<fs::path> folders{mount->point};
    if (below.empty() || *below.begin() == "..") {
        return folders;
    }
    for (const fs::path& part : below) {
        if (part != "." && !part.empty()) {
            folders.push_back(folders.back() / part);
        }
    }
    return folders;
}

/// "max", -1 and a missing file are no limit.
std::optional<std::uint64_t> number_in(const fs::path& path) {
    std::ifstream file(path);
    std::int64_t value = -1;
    if (!(file >> value) || value < 0 || static_cast<std::uint64_t>(value) >= kLeastUnlimited) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(value);
}

/// The sum of those lines "NAME NUMBER" of a group's statistics.
std::uint64_t statistics(const fs::path& path, std::initializer_list<std::string_view> names) {
    std::ifstream file(path);
    std::string found;
    std::uint64_t sum = 0;
    for (std::uint64_t value = 0; file >> found >> value;) {
        sum += std::ranges::find(names, found) != names.end() ? value : 0;
    }
    return sum;
}

template <class Number>
void lower(std::optional<Number>& least, std::optional<Number> other) {
    if (other) {
        least = least ? std::min(*least, *other) : *other;
    }
}

std::optional<std::uint64_t> memory_left(std::optional<std::uint64_t> limit,
                                         std::optional<std::uint64_t> used, std::uint64_t cached) {
    if (!limit || !used) {
        return limit;
    }
    return *limit - std::min(*limit, *used - std::min(*used, cached));
}

void look_at_version2(const fs::path& root, GroupLimits& limits) {
    for (const fs::path& folder : folders_of(root, "")) {
        std::optional<std::uint64_t> limit = number_in(folder / "memory.max");
        lower(limit, number_in(folder / "memory.high"));  // beyond it processes are held up
        lower(limits.memory_left,
              memory_left(limit, number_in(folder / "memory.current"),
                          statistics(folder / "memory.stat", {"active_file", "inactive_file"})));
        std::ifstream file(folder / "cpu.max");  // "max 100000" or "200000 100000"
        double quota = 0;
        double period = 0;
        if (file >> quota >> period && period > 0) {
            lower(limits.cores, std::optional(quota / period));
        }
    }
}

void look_at_version1(const fs::path& root, GroupLimits& limits) {
    const std::vector<fs::path> folders = folders_of(root, "memory");
    for (const fs::path& folder : folders) {
        const bool own = folder == folders.back();
        if (!own && number_in(folder / "memory.use_hierarchy") == 0) {
            continue;  // binds no groups below
        }
        lower(limits.memory_left,
              memory_left(number_in(folder / "memory.limit_in_bytes"),
                          number_in(folder / "memory.usage_in_bytes"),
                          statistics(folder / "memory.stat",
                                     {"total_active_file", "total_inactive_file"})));
    }
    for (const fs::path& folder : folders_of(root, "cpu")) {
        const auto quota = number_in(folder / "cpu.cfs_quota_us");
        const auto period = number_in(folder / "cpu.cfs_period_us");
        if (quota && period && *quota > 0 && *period > 0) {
            lower(limits.cores,
                  std::optional(static_cast<double>(*quota) / static_cast<double>(*period)));
        }
    }
}

}  // namespace

GroupLimits limits_of_groups(const fs::path& root) {
    GroupLimits limits;
    look_at_version2(root, limits);
    look_at_version1(root, limits);
    return limits;
}

}  // namespace alphaprune::support
