#include "read_widened.hpp"

#include <cassert>
#include <cstddef>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::transformer {

void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out) {
    constexpr std::uint64_t kReadBytes = std::uint64_t{4} << 20;
    const std::int64_t length = tensor.row_length();
    assert(out.size() == static_cast<std::size_t>(rows.size() * length));
    if (tensor.row_bytes() == 0) {
        return;
    }
    std::vector<std::byte> stored;
    const auto read = [&](parallel::RowRange slab) {
        stored.resize(static_cast<std::size_t>(slab.size()) * tensor.row_bytes());
        source(tensor, slab, stored);
        support::widen(stored, tensor.scalar_type(),
                       out.subspan(static_cast<std::size_t>((slab.begin - rows.begin) * length),
                                   static_cast<std::size_t>(slab.size() * length)));
    };
    parallel::for_each_slab(rows, tensor.row_bytes(), read, kReadBytes);
}

}  // namespace alphaprune::transformer
