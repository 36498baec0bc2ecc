#include <dlfcn.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "alphaprune/support/message.hpp"
#include "bf16_matmul.hpp"

namespace alphaprune::linalg {
namespace {

using dnnl::memory;

const support::Failure<std::string, std::int64_t, std::int64_t, std::int64_t> kOneDnnFailed{
    "linalg.onednn-failed", "oneDNN: {} (a product of {} tokens, {} outputs and {} inputs)",
    "oneDNN has no fast kernel for this product in bfloat16, or no memory is left for one",
    "compute in float32, and report what --version says"};

/// oneDNN divides a product among the OpenMP threads that the calling thread may have.
void use_one_openmp_thread() {
    static const auto set =
        reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
    if (set != nullptr) {
        set(1);
    }
}

/// Never released: threads may still be at work when static objects are.
const dnnl::engine& processor() {
    static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
    return *engine;
}

/// What is fast in all versions: operands without gaps, weights in blocks of 64 outputs. With a
/// layout of its own choice or gaps between rows, oneDNN 2.6 takes its reference kernel.
dnnl::matmul::primitive_desc description_of(const Bf16Shape& shape, bool add) {
    using tag = memory::format_tag;
    const memory::desc input({shape.tokens, shape.inputs}, memory::data_type::bf16, tag::ab);
    const memory::desc weights({shape.inputs, shape.outputs}, memory::data_type::bf16,
                               tag::BA16a64b2a);
    const memory::desc out({shape.tokens, shape.outputs}, memory::data_type::f32, tag::ab);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (add) {
        dnnl::post_ops sum;
        sum.append_sum(1.0F);
        attributes.set_post_ops(sum);
    }
#if DNNL_VERSION_MAJOR >= 3
    return {processor(), input, weights, out, attributes};
#else
    return {dnnl::matmul::desc(input, weights, out), attributes, processor()};
#endif
}

bool is_fast(const dnnl::matmul::primitive_desc& description) {
    return !std::string_view(description.impl_info_str()).starts_with("ref");
}

/// Instruction sets are numbered by bits that stand for what they include.
bool includes_bf16(dnnl::cpu_isa set) {
    const auto bf16 = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
    return (static_cast<unsigned>(set) & bf16) == bf16;
}

}  // namespace

Bf16Support bf16_support() {
    try {
        use_one_openmp_thread();
        const Bf16Shape small{kTokenGroup, kStripOutputs, kInputGroup};
        return includes_bf16(dnnl::get_effective_cpu_isa()) && is_fast(description_of(small, true))
                   ? Bf16Support::present
                   : Bf16Support::no_instructions;
    } catch (const dnnl::error&) {
        return Bf16Support::no_instructions;
    }
}

void bf16_matmul(const Bf16Shape& shape, const Bf16* input, const Bf16Pair* strips, bool add,
                 float* out, std::vector<std::byte>& scratch) {
    const auto failed = [&](const char* what) {
        return kOneDnnFailed("", what, shape.tokens, shape.outputs, shape.inputs);
    };
    try {
        use_one_openmp_thread();
        // Described anew each time, for some microseconds: oneDNN itself keeps the kernels of the
        // shapes it has seen lately, and gives them to all threads.
        const dnnl::matmul::primitive_desc description = description_of(shape, add);
        if (!is_fast(description)) {
            throw failed(description.impl_info_str());
        }
        scratch.resize(std::max(scratch.size(), description.scratchpad_desc().get_size()));
        const auto operand = [](const memory::desc& of, const void* values) {
            return memory(of, processor(), const_cast<void*>(values));
        };
        dnnl::stream stream(processor());
        dnnl::matmul(description)
            .execute(stream, {{DNNL_ARG_SRC, operand(description.src_desc(), input)},
                              {DNNL_ARG_WEIGHTS, operand(description.weights_desc(), strips)},
                              {DNNL_ARG_DST, operand(description.dst_desc(), out)},
                              {DNNL_ARG_SCRATCHPAD,
                               operand(description.scratchpad_desc(), scratch.data())}});
        stream.wait();
    } catch (const dnnl::error& error) {
        throw failed(error.what());
    }
}

}  // namespace alphaprune::linalg
