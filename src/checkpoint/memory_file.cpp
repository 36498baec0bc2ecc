#include "memory_file.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <new>

#if !H5_VERSION_LE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

namespace alphaprune::checkpoint {
namespace {

/// An open file; the library knows it by its first member.
struct MemoryFile {
    H5FD_t base;
    SparseBytes* bytes;
    haddr_t end_of_allocation;
};

MemoryFile& own(H5FD_t* file) {
    return *reinterpret_cast<MemoryFile*>(file);
}

const MemoryFile& own(const H5FD_t* file) {
    return *reinterpret_cast<const MemoryFile*>(file);
}

/// No exception may cross the library.
template <class Action>
herr_t guarded(Action&& action) noexcept {
    try {
        action();
        return 0;
    } catch (const std::exception&) {
        return -1;
    }
}

H5FD_t* open_memory(const char*, unsigned flags, hid_t access, haddr_t) {
    const auto* bytes = static_cast<SparseBytes* const*>(H5Pget_driver_info(access));
    auto* file = bytes == nullptr ? nullptr : new (std::nothrow) MemoryFile{};
    if (file == nullptr) {
        return nullptr;
    }
    file->bytes = *bytes;
    if ((flags & H5F_ACC_TRUNC) != 0) {
        file->bytes->resize(0);
    }
    return &file->base;
}

herr_t close_memory(H5FD_t* file) {
    delete &own(file);
    return 0;
}

/// As the library's driver for plain files: small things share blocks.
herr_t describe(const H5FD_t*, unsigned long* features) {
    *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

haddr_t end_of_allocation(const H5FD_t* file, H5FD_mem_t) {
    return own(file).end_of_allocation;
}

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
    own(file).end_of_allocation = address;
    return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
    return own(file).bytes->size();
}

herr_t read_memory(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* out) {
    return guarded(
        [&] { own(file).bytes->read(address, std::span(static_cast<std::byte*>(out), size)); });
}

herr_t write_memory(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size,
                    const void* bytes) {
    return guarded([&] {
        own(file).bytes->write(address, std::span(static_cast<const std::byte*>(bytes), size));
    });
}

herr_t truncate_memory(H5FD_t* file, hid_t, hbool_t) {
    return guarded([&] { own(file).bytes->resize(own(file).end_of_allocation); });
}

H5FD_class_t driver_class() {
    constexpr H5FD_mem_t kKinds[] = H5FD_FLMAP_DICHOTOMY;
    H5FD_class_t driver{};
#if !H5_VERSION_LE(1, 13, 0)
    driver.version = H5FD_CLASS_VERSION;
    driver.value = static_cast<H5FD_class_value_t>(400);  // of those left to programs
#endif
    driver.name = "alphaprune-memory";
    driver.maxaddr = static_cast<haddr_t>(std::numeric_limits<std::int64_t>::max());
    driver.fc_degree = H5F_CLOSE_WEAK;
    driver.fapl_size = sizeof(SparseBytes*);  // what the access list says
    driver.open = open_memory;
    driver.close = close_memory;
    driver.query = describe;
    driver.get_eoa = end_of_allocation;
    driver.set_eoa = set_end_of_allocation;
    driver.get_eof = end_of_file;
    driver.read = read_memory;
    driver.write = write_memory;
    driver.truncate = truncate_memory;
    std::memcpy(driver.fl_map, kKinds, sizeof(kKinds));
    return driver;
}

/// Made known to the library once; it lasts as long as the library.
hid_t driver() {
    static const H5FD_class_t description = driver_class();
    static const hid_t id = H5FDregister(&description);
    return id;
}

}  // namespace

void SparseBytes::resize(std::uint64_t size) {
    pages_.erase(pages_.lower_bound((size + kPageBytes - 1) / kPageBytes), pages_.end());
    if (const auto last = pages_.find(size / kPageBytes); last != pages_.end()) {
        std::fill(last->second.begin() + static_cast<std::ptrdiff_t>(size % kPageBytes),
                  last->second.end(), std::byte{0});
    }
    size_ = size;
}

void SparseBytes::read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
        const std::uint64_t within = offset % kPageBytes;
        const auto part = out.first(std::min<std::uint64_t>(kPageBytes - within, out.size()));
        if (const auto page = pages_.find(offset / kPageBytes); page != pages_.end()) {
            std::ranges::copy(std::span(page->second).subspan(within, part.size()), part.begin());
        } else {
            std::ranges::fill(part, std::byte{0});
        }
        offset += part.size();
        out = out.subspan(part.size());
    }
}

void SparseBytes::write(std::uint64_t offset, std::span<const std::byte> bytes) {
    size_ = std::max(size_, offset + bytes.size());
    while (!bytes.empty()) {
        const std::uint64_t within = offset % kPageBytes;
        const auto part = bytes.first(std::min<std::uint64_t>(kPageBytes - within, bytes.size()));
        Page& page = pages_.try_emplace(offset / kPageBytes).first->second;
        std::ranges::copy(part, page.begin() + static_cast<std::ptrdiff_t>(within));
        offset += part.size();
        bytes = bytes.subspan(part.size());
    }
}

Hdf5Handle create_file(const Hdf5Calls& hdf5, SparseBytes& bytes, std::uint64_t alignment) {
    const std::string_view doing = "creating the checkpoint";
    const Hdf5Handle creation = hdf5.own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, doing, {});
    hdf5.check(H5Pset_obj_track_times(creation.id(), 0), doing, {});
    const Hdf5Handle access = hdf5.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, doing, {});
    SparseBytes* const destination = &bytes;
    hdf5.check(H5Pset_driver(access.id(), driver(), &destination), doing, {});
    hdf5.check(H5Pset_alignment(access.id(), alignment, alignment), doing, {});
    // HDF5 1.8's format: every tool reads it, and unlike the older one it has a checksum on every
    // structure, so that damage is reported instead of followed.
    hdf5.check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), doing, {});
    return hdf5.own(H5Fcreate(hdf5.file().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()),
                    H5Fclose, doing, {});
}

}  // namespace alphaprune::checkpoint
