#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/bytes.hpp"

namespace alphaprune {

static void visit_fields(auto& archive, FieldsOf<RopeParameters> auto& rope) {
    archive(rope.type, rope.theta, rope.factor, rope.low_freq_factor, rope.high_freq_factor,
            rope.original_max_positions);
}

static void visit_fields(auto& archive, FieldsOf<ModelConfiguration> auto& model) {
    archive(model.model_type, model.architecture, model.hidden_size, model.intermediate_size,
            model.blocks, model.heads, model.key_value_heads, model.head_size, model.vocabulary,
            model.max_positions, model.norm_epsilon, model.activation, model.tied_embeddings,
            model.sliding_window, model.full_attention_blocks, model.rope, model.norm_before,
            model.norm_affine, model.final_norm_removed, model.embedding_size);
}

static void visit_fields(auto& archive, FieldsOf<TensorInfo> auto& tensor) {
    archive(tensor.name, tensor.type, tensor.shape, tensor.shard, tensor.offset, tensor.matrix);
}

static void visit_fields(auto& archive, FieldsOf<MatrixInfo> auto& matrix) {
    archive(matrix.tensor, matrix.block, matrix.rows, matrix.cols);
}

static void visit_fields(auto& archive, FieldsOf<FileStamp> auto& stamp) {
    archive(stamp.size, stamp.modified);
}

static void visit_fields(auto& archive, FieldsOf<Companion> auto& companion) {
    archive(companion.name, companion.contents);
}

static void visit_fields(auto& archive, FieldsOf<Catalogue> auto& catalogue) {
    archive(catalogue.model_name, catalogue.folder, catalogue.origin, catalogue.family,
            catalogue.configuration_text, catalogue.configuration, catalogue.shards,
            catalogue.stamps, catalogue.tensors, catalogue.matrices, catalogue.warnings,
            catalogue.companions);
}

std::string serialize(const Catalogue& catalogue) {
    ByteWriter bytes;
    bytes(catalogue);
    return bytes.take();
}

Catalogue deserialize_catalogue(std::string_view text) {
    ByteReader bytes(text);
    Catalogue catalogue;
    bytes(catalogue);
    bytes.finish();
    return catalogue;
}

}  // namespace alphaprune
