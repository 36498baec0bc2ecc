#include "hdf5.hpp"

#include <fmt/format.h>

#include <charconv>

#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::Failure<std::string_view, std::string> kCallFailed{
    "checkpoint.hdf5-call", "{} failed: {}",
    "the HDF5 library reports that reading or writing the checkpoint failed",
    "check the free space and the state of that file system"};

const support::BadRequest<std::string_view, std::string> kUnreadable{
    "checkpoint.hdf5-structure", "{} failed: {}",
    "the HDF5 library cannot follow the structures of the file", kReplaceFile};

const support::BadRequest<std::string_view> kNoGroup{
    "checkpoint.missing-group", "the group '{}' is missing",
    "every checkpoint of this program has it", kReplaceFile};

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

/// Whether HDF5 reports a failure of the system, as in "errno = 5".
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

Hdf5Calls::Hdf5Calls(std::filesystem::path file, bool reading)
    : file_(std::move(file)), reading_(reading) {
    start_hdf5_quietly();
}

Hdf5Calls Hdf5Calls::writing(std::filesystem::path file) {
    return {std::move(file), false};
}

Hdf5Calls Hdf5Calls::reading(std::filesystem::path file) {
    return {std::move(file), true};
}

std::string Hdf5Calls::where(std::string_view object) const {
    return object.empty() ? file_.string() : fmt::format("{}: {}", file_.string(), object);
}

support::Error Hdf5Calls::error(std::string_view doing, std::string_view object) const {
    const std::string reason = hdf5_reason();
    return reading_ && !blames_the_system(reason) ? kUnreadable(where(object), doing, reason)
                                                  : kCallFailed(where(object), doing, reason);
}

void Hdf5Calls::check(herr_t status, std::string_view doing, std::string_view object) const {
    if (status < 0) {
        throw error(doing, object);
    }
}

Hdf5Handle Hdf5Calls::own(hid_t id, Hdf5Handle::Close close, std::string_view doing,
                          std::string_view object) const {
    if (id < 0) {
        throw error(doing, object);
    }
    return {id, close};
}

Hdf5Handle open_file(const Hdf5Calls& hdf5) {
    const std::string_view doing = "opening the checkpoint";
    const Hdf5Handle access = hdf5.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, doing, {});
    hdf5.check(H5Pset_fapl_sec2(access.id()), doing, {});
    // Nobody writes a finished checkpoint, and network file systems often refuse locks.
    hdf5.check(H5Pset_file_locking(access.id(), 0, 1), doing, {});
    return hdf5.own(H5Fopen(hdf5.file().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose, doing, {});
}

Hdf5Handle create_group(const Hdf5Calls& hdf5, hid_t parent, const char* name) {
    const std::string doing = fmt::format("creating the group '{}'", name);
    const Hdf5Handle creation = hdf5.own(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, doing, {});
    hdf5.check(H5Pset_obj_track_times(creation.id(), 0), doing, {});
    return hdf5.own(H5Gcreate2(parent, name, H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Gclose,
                    doing, {});
}

Hdf5Handle open_group(const Hdf5Calls& hdf5, hid_t parent, const char* name) {
    if (!has_link(hdf5, parent, name)) {
        throw kNoGroup(hdf5.where({}), name);
    }
    return hdf5.own(H5Gopen2(parent, name, H5P_DEFAULT), H5Gclose,
                    fmt::format("opening the group '{}'", name), {});
}

bool has_link(const Hdf5Calls& hdf5, hid_t parent, const char* name) {
    const htri_t exists = H5Lexists(parent, name, H5P_DEFAULT);
    hdf5.check(exists < 0 ? -1 : 0, fmt::format("looking for '{}'", name), {});
    return exists > 0;
}

}  // namespace alphaprune::checkpoint
