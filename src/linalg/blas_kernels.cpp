#include "alphaprune/linalg/blas_kernels.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "loaded_function.hpp"

namespace alphaprune::linalg {
namespace {

constexpr const char* kCoreType = "OPENBLAS_CORETYPE";

/// Which OpenBLAS takes on a processor with AVX2 only if it does not know it. Left out are the
/// names with AVX: it takes them on such a processor only if it was built without anything better
/// (Sandybridge), or because they are right (Excavator).
constexpr std::array<std::string_view, 16> kCoresWithoutAvx{
    "Katmai",       "Coppermine", "Northwood",  "Prescott", "Banias", "Atom",
    "Core2",        "Penryn",     "Dunnington", "Nehalem",  "Athlon", "Opteron",
    "Opteron_SSE3", "Barcelona",  "Nano",       "Bobcat"};

/// From "OpenBLAS 0.3.21 …"; older ones than 0.3.4 do not say theirs.
std::array<int, 3> version_of(std::string_view config) {
    constexpr std::string_view kName = "OpenBLAS ";
    std::array<int, 3> version{};
    if (!config.starts_with(kName)) {
        return version;
    }
    const char* next = config.data() + kName.size();
    const char* const end = config.data() + config.size();
    for (int& part : version) {
        const auto [stop, problem] = std::from_chars(next, end, part);
        if (problem != std::errc() || stop == end || *stop != '.') {
            break;
        }
        next = stop + 1;
    }
    return version;
}

/// The products of doubles for AVX-512 were wrong, and then disabled, before this one.
constexpr std::array<int, 3> kSoundAvx512{0, 3, 8};

KernelSituation situation_here(const std::string& config, const std::string& core) {
    KernelSituation here{.config = config, .core = core};
    here.is_set_by_user = std::getenv(kCoreType) != nullptr;
#if defined(__x86_64__)
    __builtin_cpu_init();
    here.has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    here.has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
#endif
    return here;
}

/// Not /proc/self/exe itself, after which the process would be named "exe".
std::filesystem::path own_file() {
    if (::getauxval(AT_BASE) == 0) {  // started by way of the dynamic loader, which that link names
        return {};
    }
    std::error_code problem;
    std::filesystem::path file = std::filesystem::read_symlink("/proc/self/exe", problem);
    return problem ? std::filesystem::path() : file;
}

}  // namespace

std::optional<std::string_view> better_kernels(const KernelSituation& situation) {
    const bool chooses = situation.config.find("DYNAMIC_ARCH") != std::string_view::npos;
    if (situation.is_set_by_user || !chooses || !situation.has_avx2 ||
        std::ranges::find(kCoresWithoutAvx, situation.core) == kCoresWithoutAvx.end()) {
        return std::nullopt;
    }
    return situation.has_avx512 && version_of(situation.config) >= kSoundAvx512 ? "SkylakeX"
                                                                                : "Haswell";
}

void restart_with_better_kernels(char** argv) {
    const std::string config = text_of("openblas_get_config");
    const std::string core = text_of("openblas_get_corename");
    const auto better = better_kernels(situation_here(config, core));
    const std::filesystem::path file = better ? own_file() : std::filesystem::path();
    if (file.empty() || ::setenv(kCoreType, std::string(*better).c_str(), 1) != 0) {
        return;
    }
    ::execv(file.c_str(), argv);
    ::unsetenv(kCoreType);  // and go on as it is
}

}  // namespace alphaprune::linalg
