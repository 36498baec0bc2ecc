#include "hdf5_file.hpp"

#include <fmt/format.h>

#include "memory_driver.hpp"

namespace alphaprune::checkpoint {

Hdf5Handle create_file(const Hdf5Place& place, SparseBytes& bytes) {
    const std::string_view doing = "creating the checkpoint";
    const Hdf5Handle creation = place.own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, doing, {});
    place.check(H5Pset_obj_track_times(creation.id(), 0), doing, {});
    const Hdf5Handle access = place.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, doing, {});
    use_memory(place, access, bytes);
    // HDF5 1.8's format: every tool reads it, and unlike the older one it has a checksum on every
    // structure, so that damage is reported instead of followed.
    place.check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), doing, {});
    return place.own(H5Fcreate(place.file().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()),
                     H5Fclose, doing, {});
}

Hdf5Handle open_file(const Hdf5Place& place) {
    const std::string_view doing = "opening the checkpoint";
    const Hdf5Handle access = place.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, doing, {});
    place.check(H5Pset_fapl_sec2(access.id()), doing, {});
    // Nobody writes a finished checkpoint, and network file systems often refuse locks.
    place.check(H5Pset_file_locking(access.id(), 0, 1), doing, {});
    return place.own(H5Fopen(place.file().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose, doing,
                     {});
}

Hdf5Handle create_group(const Hdf5Place& place, hid_t parent, const char* name) {
    const std::string doing = fmt::format("creating the group '{}'", name);
    const Hdf5Handle creation = place.own(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, doing, {});
    place.check(H5Pset_obj_track_times(creation.id(), 0), doing, {});
    return place.own(H5Gcreate2(parent, name, H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Gclose,
                     doing, {});
}

Hdf5Handle open_group(const Hdf5Place& place, hid_t parent, const char* name) {
    if (!has_link(place, parent, name)) {
        throw place.error(fmt::format("the group '{}' is missing", name), {});
    }
    return place.own(H5Gopen2(parent, name, H5P_DEFAULT), H5Gclose,
                     fmt::format("opening the group '{}'", name), {});
}

bool has_link(const Hdf5Place& place, hid_t parent, const char* name) {
    const htri_t exists = H5Lexists(parent, name, H5P_DEFAULT);
    place.check(exists < 0 ? -1 : 0, fmt::format("looking for '{}'", name), {});
    return exists > 0;
}

}  // namespace alphaprune::checkpoint
