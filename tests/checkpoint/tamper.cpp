#include "checkpoint/tamper.hpp"

#include <hdf5.h>

#include <array>
#include <fstream>
#include <stdexcept>

namespace alphaprune::test {
namespace {

void require(bool done, const char* what) {
    if (!done) {
        throw std::runtime_error(std::string("cannot prepare the test: ") + what);
    }
}

/// An open file for as long as a change takes.
struct OpenFile {
    explicit OpenFile(const std::filesystem::path& path, unsigned flags = H5F_ACC_RDWR)
        : id(H5Fopen(path.c_str(), flags, H5P_DEFAULT)) {
        require(id >= 0, "H5Fopen");
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() { H5Fclose(id); }
    hid_t id;
};

}  // namespace

std::uint64_t offset_of(const std::filesystem::path& file, const std::string& dataset) {
    const OpenFile open(file, H5F_ACC_RDONLY);
    const hid_t id = H5Dopen2(open.id, dataset.c_str(), H5P_DEFAULT);
    require(id >= 0, "H5Dopen");
    const haddr_t offset = H5Dget_offset(id);
    H5Dclose(id);
    require(offset != HADDR_UNDEF, "H5Dget_offset");
    return offset;
}

void set_attribute(const std::filesystem::path& file, const std::string& object,
                   const std::string& attribute, double value) {
    const OpenFile open(file);
    const hid_t owner = H5Oopen(open.id, object.c_str(), H5P_DEFAULT);
    const hid_t id = H5Aopen(owner, attribute.c_str(), H5P_DEFAULT);
    require(id >= 0, "H5Aopen");
    require(H5Awrite(id, H5T_NATIVE_DOUBLE, &value) >= 0, "H5Awrite");
    H5Aclose(id);
    H5Oclose(owner);
}

void remove_attribute(const std::filesystem::path& file, const std::string& object,
                      const std::string& attribute) {
    const OpenFile open(file);
    require(H5Adelete_by_name(open.id, object.c_str(), attribute.c_str(), H5P_DEFAULT) >= 0,
            "H5Adelete");
}

void widen_attribute(const std::filesystem::path& file, const std::string& object,
                     const std::string& attribute, std::uint64_t values) {
    remove_attribute(file, object, attribute);
    const OpenFile open(file);
    const hsize_t extent = values;
    const hid_t space = H5Screate_simple(1, &extent, nullptr);
    const hid_t id = H5Acreate_by_name(open.id, object.c_str(), attribute.c_str(), H5T_IEEE_F64LE,
                                       space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    require(id >= 0, "H5Acreate");
    H5Aclose(id);
    H5Sclose(space);
}

void narrow_attribute(const std::filesystem::path& file, const std::string& object,
                      const std::string& attribute) {
    remove_attribute(file, object, attribute);
    const OpenFile open(file);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t id = H5Acreate_by_name(open.id, object.c_str(), attribute.c_str(), H5T_STD_I32LE,
                                       space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const int zero = 0;
    require(id >= 0 && H5Awrite(id, H5T_NATIVE_INT, &zero) >= 0, "H5Acreate");
    H5Aclose(id);
    H5Sclose(space);
}

void remove_link(const std::filesystem::path& file, const std::string& object) {
    const OpenFile open(file);
    require(H5Ldelete(open.id, object.c_str(), H5P_DEFAULT) >= 0, "H5Ldelete");
}

void rename_link(const std::filesystem::path& file, const std::string& from,
                 const std::string& to) {
    const OpenFile open(file);
    require(H5Lmove(open.id, from.c_str(), open.id, to.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0,
            "H5Lmove");
}

void add_integers(const std::filesystem::path& file, const std::string& name, bool chunked) {
    const OpenFile open(file);
    const hsize_t extent = 8;
    const hid_t space = H5Screate_simple(1, &extent, nullptr);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (chunked) {
        H5Pset_chunk(properties, 1, &extent);
    }
    const hid_t id = H5Dcreate2(open.id, name.c_str(), H5T_STD_I32LE, space, H5P_DEFAULT,
                                properties, H5P_DEFAULT);
    const std::array<int, 8> values{};
    require(
        id >= 0 && H5Dwrite(id, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
        "H5Dcreate");
    H5Dclose(id);
    H5Pclose(properties);
    H5Sclose(space);
}

void add_external_link(const std::filesystem::path& file, const std::string& name) {
    const OpenFile open(file);
    require(H5Lcreate_external("elsewhere.h5", "/x", open.id, name.c_str(), H5P_DEFAULT,
                               H5P_DEFAULT) >= 0,
            "H5Lcreate_external");
}

void make_empty_hdf5_file(const std::filesystem::path& file) {
    const hid_t id = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    require(id >= 0, "H5Fcreate");
    H5Fclose(id);
}

void flip_byte(const std::filesystem::path& file, std::uint64_t offset, unsigned mask) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    const int before = stream.get();
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(static_cast<char>(static_cast<unsigned>(before) ^ mask));
    require(before >= 0 && static_cast<bool>(stream.flush()), "changing a byte");
}

}  // namespace alphaprune::test
