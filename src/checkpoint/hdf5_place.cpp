#include "hdf5_place.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

#include "alphaprune/support/system_error.hpp"

namespace alphaprune::checkpoint {
namespace {

// HDF5 prints every failed call to standard error unless told otherwise. The setting belongs to the
// process and must come after the library has started.
void start_hdf5_quietly() {
    static const bool started = [] {
        H5open();
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
        return true;
    }();
    static_cast<void>(started);
}

herr_t keep_first(unsigned, const H5E_error2_t* entry, void* text) {
    auto& reason = *static_cast<std::string*>(text);
    if (reason.empty() && entry->desc != nullptr) {
        reason = entry->desc;
    }
    return 0;
}

/// The innermost entry of HDF5's error stack: the one that knows why.
std::string hdf5_reason() {
    std::string reason;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
    H5Eclear2(H5E_DEFAULT);
    return reason.empty() ? "no reason given" : reason;
}

/// Whether HDF5 tells of a system that has failed it, as in "errno = 5".
bool blames_the_system(std::string_view reason) {
    constexpr std::string_view kBefore = "errno = ";
    const std::size_t at = reason.find(kBefore);
    if (at == reason.npos) {
        return false;
    }
    int number = 0;
    std::from_chars(reason.data() + at + kBefore.size(), reason.data() + reason.size(), number);
    return number != 0 && !support::is_about_the_path(number);
}

}  // namespace

Hdf5Place::Hdf5Place(std::filesystem::path file, support::ExitStatus status)
    : file_(std::move(file)), status_(status) {
    start_hdf5_quietly();
}

Hdf5Place Hdf5Place::writing(std::filesystem::path file) {
    return {std::move(file), support::ExitStatus::failed};
}

Hdf5Place Hdf5Place::reading(std::filesystem::path file) {
    return {std::move(file), support::ExitStatus::bad_request};
}

support::Error Hdf5Place::error(std::string_view what, std::string_view object) const {
    std::string where =
        object.empty() ? file_.string() : fmt::format("{}: {}", file_.string(), object);
    if (status_ == support::ExitStatus::bad_request) {
        return support::bad_request(
            std::string(what), std::move(where),
            "the file is damaged or was changed by another program: fetch it again "
            "or repeat the run that wrote it");
    }
    return support::failure(std::string(what), std::move(where),
                            "check the free space and the state of that file system");
}

support::Error Hdf5Place::hdf5_error(std::string_view doing, std::string_view object) const {
    const std::string reason = hdf5_reason();
    const Hdf5Place place{file_, blames_the_system(reason) ? support::ExitStatus::failed : status_};
    return place.error(fmt::format("{} failed: {}", doing, reason), object);
}

void Hdf5Place::check(herr_t status, std::string_view doing, std::string_view object) const {
    if (status < 0) {
        throw hdf5_error(doing, object);
    }
}

Hdf5Handle Hdf5Place::own(hid_t id, Hdf5Handle::Close close, std::string_view doing,
                          std::string_view object) const {
    if (id < 0) {
        throw hdf5_error(doing, object);
    }
    return {id, close};
}

}  // namespace alphaprune::checkpoint
