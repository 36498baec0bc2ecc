#include "alphaprune/device/card_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::device {
namespace {
namespace fs = std::filesystem;

constexpr const char* kModuleName = "alphaprune_cuda.so";

const support::Failure<std::string> kNoFunction{
    "device.module-incomplete", "alphaprune_cuda.so has no function {}",
    "the module is of another build of the program", "install program and module together"};

/// The file that the user says is the module; empty: none.
fs::path given_module() {
    const char* const given = std::getenv("LIBALPHAPRUNE_CUDA");
    return given != nullptr ? given : "";
}

/// Whether the module can be of use. It is asked first, since the libraries of the module take a
/// hundred megabytes of every process.
bool has_driver() {
    void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    return driver != nullptr && ::dlclose(driver) == 0;
}

/// The files that may be the module, the likeliest first.
std::vector<fs::path> candidates() {
    if (const fs::path given = given_module(); !given.empty()) {
        return {given};
    }
    std::error_code ignored;
    const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    return {folder / kModuleName, folder.parent_path() / "lib" / "alphaprune_mpi" / kModuleName};
}

}  // namespace

CardModule::CardModule() {
    if (given_module().empty() && !has_driver()) {
        reason_ = "there is no driver for cards on this node (libcuda.so.1)";
        return;
    }
    for (const fs::path& file : candidates()) {
        std::error_code ignored;
        if (!fs::exists(file, ignored)) {
            reason_ = fmt::format("there is no {}", file.string());
            continue;
        }
        handle_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) {  // the driver or a library of CUDA is not on this node
            const char* const why = ::dlerror();
            reason_ = why != nullptr ? why : "it cannot be loaded";
        }
        break;
    }
    if (handle_ == nullptr) {
        return;
    }
    auto* const interface =
        reinterpret_cast<int (*)()>(::dlsym(handle_, "alphaprune_cuda_interface"));
    if (interface == nullptr || interface() != kModuleInterface) {
        handle_ = nullptr;
        reason_ = "the module belongs to another version of the program";
        return;
    }
    try {
        function<void(std::vector<CardInfo>&)>("alphaprune_cuda_cards")(cards_);
        reason_ = cards_.empty() ? "the driver knows of no card" : "";
    } catch (const CardError& error) {
        reason_ = error.what();
    }
}

const CardModule& CardModule::get() {
    static const CardModule module;
    return module;
}

void* CardModule::symbol(const char* name) const {
    void* const found = ::dlsym(handle_, name);
    if (found == nullptr) {
        throw kNoFunction("", name);
    }
    return found;
}

std::uint64_t free_card_bytes(int card) {
    return CardModule::get().function<std::uint64_t(int)>("alphaprune_cuda_free_bytes")(card);
}

}  // namespace alphaprune::device
