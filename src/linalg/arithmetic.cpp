#include "alphaprune/linalg/arithmetic.hpp"

#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <system_error>

#include "blas.hpp"
#include "two_stage/instruction_sets.hpp"

namespace alphaprune::linalg {
namespace {

/// A function of the BLAS that other libraries do not have.
template <class Function>
Function function_named(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

std::string text_of(const char* function) {
    using Text = const char* (*)();
    const auto call = function_named<Text>(function);
    const char* text = call != nullptr ? call() : nullptr;
    return text != nullptr ? text : "";
}

/// How many threads it was built for means nothing to the bits.
std::string openblas_name() {
    std::string config = text_of("openblas_get_config");
    config.resize(std::min(config.find(" MAX_THREADS="), config.size()));
    const std::string core = text_of("openblas_get_corename");
    return config.empty() || core.empty() || config.ends_with(core) ? config : config + ' ' + core;
}

std::string mkl_name() {
    using Version = void (*)(char*, int);
    const auto call = function_named<Version>("MKL_Get_Version_String");
    if (call == nullptr) {
        return {};
    }
    std::array<char, 200> text{};
    call(text.data(), static_cast<int>(text.size()) - 1);
    std::string name = text.data();
    name.resize(name.find_last_not_of(' ') + 1);
    return name;
}

std::string blis_name() {
    const std::string version = text_of("bli_info_get_version_str");
    return version.empty() ? version : "BLIS " + version;
}

std::string file_name() {
    Dl_info found{};
    if (::dladdr(reinterpret_cast<const void*>(&dgemm_), &found) == 0 ||
        found.dli_fname == nullptr) {
        return "unknown";
    }
    std::error_code unknown;
    const auto file = std::filesystem::canonical(found.dli_fname, unknown);
    return unknown ? found.dli_fname : file.filename().string();
}

}  // namespace

std::string blas_name() {
    for (const auto& name : {openblas_name(), mkl_name(), blis_name()}) {
        if (!name.empty()) {
            return name;
        }
    }
    return file_name();
}

std::string_view vector_kernels() {
#if defined(__x86_64__)
    const auto* const chosen = &two_stage::kernels<double>();
    if (chosen == &two_stage::kDoubleAvx512) {
        return "avx512";
    }
    if (chosen == &two_stage::kDoubleAvx2) {
        return "avx2";
    }
#endif
    return "baseline";
}

}  // namespace alphaprune::linalg
