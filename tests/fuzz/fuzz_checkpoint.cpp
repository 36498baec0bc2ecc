#include <hdf5.h>

#include <string>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

/// Everything that can be read.
void read_all(const std::filesystem::path& path, std::size_t file_size) {
    const checkpoint::CheckpointReader reader(path);
    std::vector<std::byte> rows;
    for (const checkpoint::StoredTensor& tensor : reader.tensors()) {
        fuzz::require(tensor.bytes() <= file_size);
        fuzz::require(static_cast<std::uint64_t>(tensor.rows()) * tensor.row_bytes() ==
                      tensor.bytes());
        rows.resize(tensor.bytes());
        fuzz::is_accepted([&] { reader.read_rows(tensor, {0, tensor.rows()}, rows); });
        fuzz::is_accepted([&] { reader.spectrum(tensor.name); });
    }
    for (const std::string& name : reader.auxiliary_files()) {
        fuzz::require(name.find('/') == name.npos);
        fuzz::is_accepted([&] { reader.auxiliary_file(name); });
    }
    reader.metric("alpha_peak");
}

}  // namespace

/// HDF5 1.10 loses the bytes of an object header whose checksum is wrong. Objects of HDF5 that we
/// leave open would not count as leaks; they are counted below.
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libhdf5";
}

/// Damaged files. HDF5 keeps a checksum with each of its structures, so that it finds the damage
/// before it follows it; on files forged with right checksums this does not look.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    const auto path = scratch.write("checkpoint.h5", fuzz::as_text(data, size));
    fuzz::is_accepted([&] { read_all(path, size); });
    fuzz::is_accepted([&] { checkpoint::catalogue_of_checkpoint(path); });
    fuzz::require(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
    return 0;
}
