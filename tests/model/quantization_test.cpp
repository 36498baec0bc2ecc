#include <gtest/gtest.h>

#include "alphaprune/model/catalogue.hpp"
#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

const LlamaSizes kQuantizedSizes;

/// A model some of whose tensors a test takes out, renames or adds to.
class Quantization : public testing::Test {
  protected:
    void configure(const std::string& method) {
        config_.insert(config_.find('{') + 1,
                       R"("quantization_config": {"quant_method": ")" + method + R"("},)");
    }
    void become_generic() {
        const std::string known = "\"llama\"";
        config_.replace(config_.find(known), known.size(), "\"unheard-of\"");
    }
    /// Instead of each weight of a linear layer what a method stores.
    void store_as(const std::vector<std::string>& endings, bool keeps_weight) {
        std::vector<StoredTensor> stored;
        for (const StoredTensor& tensor : tensors_) {
            const auto proj = tensor.name.find("_proj.weight");
            if (proj == std::string::npos || keeps_weight) {
                stored.push_back(tensor);
            }
            for (const std::string& ending :
                 proj == std::string::npos ? std::vector<std::string>() : endings) {
                stored.push_back(random_tensor(tensor.name.substr(0, proj) + "_proj" + ending,
                                               support::ScalarType::float32, {2, 3}, 1));
            }
        }
        tensors_ = stored;
    }
    model::Catalogue read() {
        write_model_folder(folder_.path(), config_, tensors_);
        return model::read_catalogue(folder_.path());
    }
    void expect_refusal(const std::string& method, const std::string& remedy) {
        const auto faults = faults_of([&] { read(); });
        ASSERT_EQ(faults.size(), 1U) << text_of(faults);
        EXPECT_EQ(count_faults(faults, {"quantized (" + method + ")", "layers.0."}), 1)
            << text_of(faults);
        EXPECT_NE(faults[0].remedy.find(remedy), std::string::npos) << faults[0].remedy;
    }

    TemporaryFolder folder_;
    std::string config_ = llama_config(kQuantizedSizes);
    std::vector<StoredTensor> tensors_ =
        llama_tensors(kQuantizedSizes, 5, support::ScalarType::bfloat16);
};

TEST_F(Quantization, Gptq) {
    configure("gptq");
    store_as({".qweight", ".qzeros", ".scales", ".g_idx"}, false);
    expect_refusal("gptq", "the model that was quantized");
}

TEST_F(Quantization, AwqOfAnUnknownFamily) {
    become_generic();
    configure("awq");
    store_as({".qweight", ".qzeros", ".scales"}, false);
    expect_refusal("awq", "the model that was quantized");
}

TEST_F(Quantization, IsSeenWithoutAConfiguration) {
    store_as({".qweight", ".qzeros", ".scales"}, false);
    expect_refusal("gptq", "the model that was quantized");
}

TEST_F(Quantization, BitsAndBytes) {
    configure("bitsandbytes");
    store_as({".weight.absmax", ".weight.quant_map", ".weight.quant_state.bitsandbytes__nf4"},
             true);
    expect_refusal("bitsandbytes", "model.dequantize()");
}

TEST_F(Quantization, EightBits) {
    configure("bitsandbytes");
    store_as({".SCB", ".weight_format"}, true);
    expect_refusal("bitsandbytes", "model.dequantize()");
}

TEST_F(Quantization, EightBitNumbersWithScales) {
    configure("fp8");
    store_as({".weight_scale_inv"}, true);
    expect_refusal("fp8", "FineGrainedFP8Config(dequantize=True)");
}

TEST_F(Quantization, CompressedTensors) {
    configure("compressed-tensors");
    store_as({".weight_packed", ".weight_scale", ".weight_shape"}, false);
    expect_refusal("compressed-tensors", "CompressedTensorsConfig(run_compressed=False)");
}

TEST_F(Quantization, OfPartsOfABlock) {  // MXFP4 that is not as gpt-oss stores it
    become_generic();
    configure("mxfp4");
    for (const char* ending : {"_blocks", "_scales"}) {
        tensors_.push_back(
            random_tensor("model.layers.0.mlp.experts.gate_up_proj" + std::string(ending),
                          support::ScalarType::float32, {2, 3}, 1));
    }
    expect_refusal("mxfp4", "Mxfp4Config(dequantize=True)");
}

TEST_F(Quantization, OfOtherPartsIsNoFault) {
    configure("gptq");
    tensors_.push_back(
        random_tensor("visual.blocks.0.attn.qweight", support::ScalarType::float32, {2, 3}, 1));
    tensors_.push_back(random_tensor("lm_head.weight_scale", support::ScalarType::float32, {2}, 1));
    const model::Catalogue catalogue = read();
    EXPECT_EQ(catalogue.matrices.size(), 14U);
    ASSERT_EQ(catalogue.warnings.size(), 1U);
    EXPECT_NE(catalogue.warnings[0].find("quantization_config (gptq)"), std::string::npos);
}

TEST_F(Quantization, OfTheCacheAloneIsNoFault) {
    configure("compressed-tensors");
    store_as({".k_scale", ".input_scale"}, true);
    EXPECT_EQ(read().matrices.size(), 14U);
}

TEST_F(Quantization, WordsThatOthersUseAreNoFault) {
    become_generic();
    store_as({".scales", ".W_q", ".weight_scale"}, true);
    const model::Catalogue catalogue = read();
    EXPECT_TRUE(catalogue.warnings.empty());
    EXPECT_GE(catalogue.matrices.size(), 14U);
}

}  // namespace
}  // namespace alphaprune::test
