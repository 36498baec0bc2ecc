#include "hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
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

const support::BadRequest<std::string_view, std::string_view> kMissing{
    "checkpoint.missing", "the {} '{}' is missing", "every checkpoint of this program has it",
    kReplaceFile};

const support::BadRequest<std::string_view> kUnexpected{
    "checkpoint.unexpected-attribute", "the attribute '{}' is not of the kind expected",
    "it has another type or number of values than this program writes", kReplaceFile};

const support::BadRequest<> kLink{
    "checkpoint.link", "this is a link to another object or file",
    "this program writes no links, and following one could lead out of the file", kReplaceFile};

// HDF5 keeps an attribute in the object's header, which ends at 64 KB.
constexpr std::size_t kLongestText = 65536;

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

void write_values(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t new_space,
                  hid_t type, const void* value) {
    const std::string doing = fmt::format("writing the attribute '{}'", name);
    const Hdf5Handle space = hdf5.own(new_space, H5Sclose, doing, object.name);
    const Hdf5Handle attribute =
        hdf5.own(H5Acreate2(object.id, name, type, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                 doing, object.name);
    hdf5.check(H5Awrite(attribute.id(), type, value), doing, object.name);
}

/// An attribute that is to be read.
struct OpenAttribute {
    OpenAttribute(const Hdf5Calls& calls, Hdf5Object of, const char* its_name)
        : hdf5(calls),
          object(of),
          name(its_name),
          doing(fmt::format("reading the attribute '{}'", name)) {
        if (!has_attribute(hdf5, object, name)) {
            throw kMissing(hdf5.where(object.name), "attribute", name);
        }
        attribute = hdf5.own(H5Aopen(object.id, name, H5P_DEFAULT), H5Aclose, doing, object.name);
        type = hdf5.own(H5Aget_type(attribute.id()), H5Tclose, doing, object.name);
        const Hdf5Handle space =
            hdf5.own(H5Aget_space(attribute.id()), H5Sclose, doing, object.name);
        values = H5Sget_simple_extent_npoints(space.id());
    }

    /// The attribute must have exactly the type and number of values that this program writes:
    /// nothing is put through HDF5's conversions.
    void require(bool as_written) const {
        if (!as_written) {
            throw kUnexpected(hdf5.where(object.name), name);
        }
    }
    void read(void* out) const {
        hdf5.check(H5Aread(attribute.id(), type.id(), out), doing, object.name);
    }

    const Hdf5Calls& hdf5;
    Hdf5Object object;
    const char* name;
    std::string doing;
    Hdf5Handle attribute;
    Hdf5Handle type;
    std::int64_t values = 0;
};

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

Hdf5Handle open_group(const Hdf5Calls& hdf5, const Hdf5Handle& file, const char* name) {
    if (!has_link(hdf5, file.id(), name)) {
        throw kMissing(hdf5.where({}), "group", name);
    }
    require_inside(hdf5, file.id(), name, fmt::format("/{}/", name));
    return hdf5.own(H5Gopen2(file.id(), name, H5P_DEFAULT), H5Gclose,
                    fmt::format("opening the group '{}'", name), {});
}

void require_inside(const Hdf5Calls& hdf5, hid_t parent, const char* link,
                    std::string_view object) {
    H5L_info_t info{};
    hdf5.check(H5Lget_info(parent, link, &info, H5P_DEFAULT), "looking for the object", object);
    if (info.type != H5L_TYPE_HARD) {
        throw kLink(hdf5.where(object));
    }
}

bool has_link(const Hdf5Calls& hdf5, hid_t parent, const char* name) {
    const htri_t exists = H5Lexists(parent, name, H5P_DEFAULT);
    hdf5.check(exists < 0 ? -1 : 0, fmt::format("looking for '{}'", name), {});
    return exists > 0;
}

Hdf5Handle text_type(const Hdf5Calls& hdf5, std::size_t length) {
    const std::string_view doing = "describing a text";
    Hdf5Handle type = hdf5.own(H5Tcopy(H5T_C_S1), H5Tclose, doing, {});
    hdf5.check(H5Tset_size(type.id(), std::max<std::size_t>(1, length)), doing, {});
    hdf5.check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), doing, {});
    hdf5.check(H5Tset_cset(type.id(), H5T_CSET_UTF8), doing, {});
    return type;
}

void write_number(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t type,
                  const void* value) {
    write_values(hdf5, object, name, H5Screate(H5S_SCALAR), type, value);
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::string_view value) {
    std::string text(value);
    text.resize(std::max<std::size_t>(1, text.size()));
    const Hdf5Handle type = text_type(hdf5, text.size());
    write_number(hdf5, object, name, type.id(), text.data());
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::span<const std::int64_t> values) {
    const hsize_t count = values.size();
    const std::int64_t none = 0;  // HDF5 wants memory to read even nothing from
    write_values(hdf5, object, name, H5Screate_simple(1, &count, nullptr), H5T_STD_I64LE,
                 values.empty() ? &none : values.data());
}

bool has_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    const htri_t exists = H5Aexists(object.id, name);
    hdf5.check(exists < 0 ? -1 : 0, fmt::format("looking for the attribute '{}'", name),
               object.name);
    return exists > 0;
}

void read_number(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t type,
                 void* value) {
    const OpenAttribute open(hdf5, object, name);
    open.require(open.values == 1 && H5Tequal(open.type.id(), type) > 0);
    open.read(value);
}

std::vector<std::int64_t> read_integers(const Hdf5Calls& hdf5, Hdf5Object object,
                                        const char* name) {
    constexpr std::int64_t kMost = 1000;
    const OpenAttribute open(hdf5, object, name);
    open.require(open.values >= 0 && open.values <= kMost &&
                 H5Tequal(open.type.id(), H5T_STD_I64LE) > 0);
    std::vector<std::int64_t> values(static_cast<std::size_t>(open.values));
    if (!values.empty()) {
        open.read(values.data());
    }
    return values;
}

std::string read_text_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    const OpenAttribute open(hdf5, object, name);
    const std::size_t length = H5Tget_size(open.type.id());
    open.require(open.values == 1 && H5Tget_class(open.type.id()) == H5T_STRING &&
                 H5Tis_variable_str(open.type.id()) == 0 && length > 0 && length <= kLongestText);
    std::string text(length, '\0');
    open.read(text.data());
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

}  // namespace alphaprune::checkpoint
