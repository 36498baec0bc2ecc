#include "stored_file.hpp"

#include <fmt/format.h>

#include "alphaprune/support/checksum.hpp"
#include "checkpoint_layout.hpp"
#include "collective_calls.hpp"
#include "hdf5_attribute.hpp"

namespace alphaprune {
namespace {

/// What every rank must know of a file to take part in its creation.
struct FileForm {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t checksum = 0;
};

std::uint64_t checksum_of(std::string_view contents) {
    return hash_bytes(std::as_bytes(std::span(contents)));
}

std::vector<FileForm> share_forms(const Communicator& ranks, const std::vector<Companion>& files) {
    std::string names;  // each ended by a zero byte, which no file's name holds
    std::vector<std::uint64_t> numbers;
    if (ranks.is_root()) {
        for (const Companion& file : files) {
            names += file.name + '\0';
            numbers.push_back(file.contents.size());
            numbers.push_back(checksum_of(file.contents));
        }
    }
    names = ranks.broadcast_text(std::move(names));
    std::vector<FileForm> forms;
    for (std::size_t at = 0; at < names.size(); at += forms.back().name.size() + 1) {
        forms.push_back({names.substr(at, names.find('\0', at) - at)});
    }
    numbers.resize(2 * forms.size());
    ranks.broadcast(std::span(numbers));
    for (std::size_t i = 0; i < forms.size(); ++i) {
        forms[i].size = numbers[2 * i];
        forms[i].checksum = numbers[2 * i + 1];
    }
    return forms;
}

}  // namespace

void write_files(const Hdf5Place& place, const Communicator& ranks, const Hdf5Handle& group,
                 const std::vector<Companion>& files) {
    const std::vector<FileForm> forms = share_forms(ranks, files);
    CollectiveCalls calls(ranks);
    for (std::size_t i = 0; i < forms.size(); ++i) {
        const FileForm& form = forms[i];
        calls.make([&] {
            const std::string object = object_name(kModelGroup, form.name);
            const auto size = static_cast<std::int64_t>(form.size);
            const Hdf5Handle dataset = create_dataset(place, group.id(), form.name.c_str(),
                                                      H5T_STD_U8LE, std::span(&size, 1), object);
            write_attribute(place, {dataset.id(), object}, "checksum", form.checksum);
            if (ranks.is_root() && size > 0) {
                const std::string_view contents = files[i].contents;
                write_rows(place, {dataset.id(), object}, H5T_STD_U8LE, std::span(&size, 1), {0, 1},
                           std::as_bytes(std::span(contents)));
            }
        });
    }
    calls.agree();
}

std::string read_file(const Hdf5Place& place, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size) {
    const std::string object = object_name(kModelGroup, name);
    const DatasetForm form = open_dataset(place, group.id(), name.c_str(), file_size, object);
    if (H5Tequal(form.type.id(), H5T_STD_U8LE) <= 0 || form.shape.size() != 1) {
        throw place.error("this is not a file stored as bytes", object);
    }
    std::string contents(form.bytes, '\0');
    if (!contents.empty()) {
        read_rows(place, {form.dataset.id(), object}, H5T_STD_U8LE, form.shape, {0, 1},
                  std::as_writable_bytes(std::span(contents)));
    }
    const std::uint64_t recorded = read_unsigned(place, {form.dataset.id(), object}, "checksum");
    if (const std::uint64_t found = checksum_of(contents); found != recorded) {
        throw place.error(fmt::format("its bytes have the checksum {:016x}, recorded is {:016x}",
                                      found, recorded),
                          object);
    }
    return contents;
}

}  // namespace alphaprune
