#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::checkpoint {

/// Owner of one HDF5 identifier of any kind, with the function that releases it.
class Hdf5Handle {
  public:
    using Close = herr_t (*)(hid_t);

    Hdf5Handle() = default;
    Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
    Hdf5Handle(Hdf5Handle&& other) noexcept
        : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
        if (this != &other) {
            close();
            id_ = std::exchange(other.id_, H5I_INVALID_HID);
            close_ = other.close_;
        }
        return *this;
    }
    Hdf5Handle(const Hdf5Handle&) = delete;
    Hdf5Handle& operator=(const Hdf5Handle&) = delete;
    ~Hdf5Handle() { close(); }

    hid_t id() const { return id_; }

    /// Releases now; negative when HDF5 says that it failed. Nothing happens the second time.
    herr_t close() noexcept { return id_ < 0 ? 0 : close_(std::exchange(id_, H5I_INVALID_HID)); }

  private:
    hid_t id_ = H5I_INVALID_HID;
    Close close_ = nullptr;
};

/// The remedy where a file that was read is at fault.
inline constexpr const char* kReplaceFile =
    "the file is damaged or was changed by another program: fetch it again or repeat the run that "
    "wrote it";

/// An object of a file with its name, for the errors.
struct Hdf5Object {
    hid_t id;
    std::string_view name;
};

/// The checks of the HDF5 calls on one file: each call is checked in one line and fails with an
/// Error that names the file, the object in it, and HDF5's own reason.
class Hdf5Calls {
  public:
    /// Failures are failures of the run.
    static Hdf5Calls writing(std::filesystem::path file);
    /// Failures mean that the input is bad, unless HDF5 blames the system.
    static Hdf5Calls reading(std::filesystem::path file);

    const std::filesystem::path& file() const { return file_; }
    /// An object of the file, for an error. @param object  empty for the file itself
    std::string where(std::string_view object) const;

    /// The error of an HDF5 call that has just failed. `doing`: "creating the dataset".
    support::Error error(std::string_view doing, std::string_view object) const;
    /// For results where negative means failure.
    void check(herr_t status, std::string_view doing, std::string_view object) const;
    Hdf5Handle own(hid_t id, Hdf5Handle::Close close, std::string_view doing,
                   std::string_view object) const;

  private:
    Hdf5Calls(std::filesystem::path file, bool reading);

    std::filesystem::path file_;
    bool reading_;
};

/// Opens the file for reading by this rank alone.
Hdf5Handle open_file(const Hdf5Calls& hdf5);

Hdf5Handle create_group(const Hdf5Calls& hdf5, hid_t parent, const char* name);
Hdf5Handle open_group(const Hdf5Calls& hdf5, const Hdf5Handle& file, const char* name);

/// @throws Error for other links than hard ones: they lead to other places, in other files even
void require_inside(const Hdf5Calls& hdf5, hid_t parent, const char* link, std::string_view object);

/// Whether `parent` has a link of this name.
bool has_link(const Hdf5Calls& hdf5, hid_t parent, const char* name);

/// Text as an HDF5 type: UTF-8 of a fixed length, at least one byte.
Hdf5Handle text_type(const Hdf5Calls& hdf5, std::size_t length);

/// The type of a number in the file, and in memory, which is little-endian too.
inline hid_t number_type(double) {
    return H5T_IEEE_F64LE;
}
inline hid_t number_type(std::int64_t) {
    return H5T_STD_I64LE;
}
inline hid_t number_type(std::uint64_t) {
    return H5T_STD_U64LE;
}

// Attributes of one value.
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::string_view value);
void write_number(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t type,
                  const void* value);
template <class T>
requires std::is_arithmetic_v<T>
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, T value) {
    write_number(hdf5, object, name, number_type(value), &value);
}

/// Writes an attribute of several values, of none at all even.
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::span<const std::int64_t> values);

bool has_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);

// Each reads an attribute of one value. @throws Error when it is absent or of another kind
std::string read_text_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);
void read_number(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t type,
                 void* value);
template <class T>
T read_number(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    T value{};
    read_number(hdf5, object, name, number_type(value), &value);
    return value;
}
/// One of several values, at most 1000.
std::vector<std::int64_t> read_integers(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);

}  // namespace alphaprune::checkpoint
