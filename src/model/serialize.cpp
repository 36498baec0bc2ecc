#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/bytes.hpp"

namespace alphaprune::support {

static void visit_fields(auto& archive, FieldsOf<FileStamp> auto& stamp) {
    archive(stamp.size, stamp.modified);
}

}  // namespace alphaprune::support

namespace alphaprune::model {

static void visit_fields(auto& archive, support::FieldsOf<RopeParameters> auto& rope) {
    archive(rope.type, rope.theta, rope.share, rope.factor, rope.low_freq_factor,
            rope.high_freq_factor, rope.original_max_positions, rope.beta_fast, rope.beta_slow,
            rope.mscale, rope.mscale_all_dim, rope.truncate, rope.attention_factor,
            rope.short_factor, rope.long_factor);
}

static void visit_fields(auto& archive, support::FieldsOf<ModelConfiguration> auto& model) {
    archive(model.model_type, model.architecture, model.hidden_size, model.intermediate_size,
            model.blocks, model.heads, model.key_value_heads, model.head_size, model.vocabulary,
            model.max_positions, model.norm_epsilon, model.activation, model.tied_embeddings,
            model.attention_bias, model.mlp_bias, model.all_biases, model.sliding_window,
            model.full_attention_blocks, model.rope, model.window_rope, model.attention_scale,
            model.attention_softcap, model.logits_softcap, model.embedding_multiplier,
            model.residual_multiplier, model.logits_multiplier, model.norm_before,
            model.norm_affine, model.final_norm_removed, model.scale_by_block, model.parallel,
            model.shared_norm, model.alibi, model.embedding_size, model.is_part, model.text_type,
            model.cross_attention, model.experts, model.experts_per_token, model.expert_size,
            model.shared_expert_size, model.renormalize_experts, model.dense_blocks,
            model.expert_groups, model.chosen_groups, model.expert_multiplier, model.query_rank,
            model.key_value_rank, model.rotated_size, model.value_size, model.rope_interleaved,
            model.prediction_blocks, model.expert_storage, model.gate_limit, model.gate_steepness);
}

static void visit_fields(auto& archive, support::FieldsOf<PackedForm> auto& form) {
    archive(form.code, form.rows, form.cols, form.matrix_rows, form.scale, form.scale_shard,
            form.scale_offset, form.grid_rows, form.grid_cols, form.block_rows, form.block_cols);
}

static void visit_fields(auto& archive, support::FieldsOf<BitmaskForm> auto& form) {
    archive(form.mask_offset, form.rows_offset, form.values);
}

static void visit_fields(auto& archive, support::FieldsOf<TensorInfo> auto& tensor) {
    std::string type = tensor.type.name();
    archive(tensor.name, type, tensor.shape, tensor.shard, tensor.offset, tensor.matrix,
            tensor.unknown_bytes, tensor.packed, tensor.bitmask);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(tensor)>>) {
        tensor.type = support::StoredType(type);
    }
}

static void visit_fields(auto& archive, support::FieldsOf<OutputPattern> auto& pattern) {
    archive(pattern.first, pattern.run, pattern.stride);
}

static void visit_fields(auto& archive, support::FieldsOf<MatrixInfo> auto& matrix) {
    archive(matrix.tensor, matrix.block, matrix.rows, matrix.cols, matrix.transposed,
            matrix.pattern, matrix.expert, matrix.slice_name);
}

static void visit_fields(auto& archive, support::FieldsOf<BlockStack> auto& blocks) {
    archive(blocks.prefix, blocks.count);
}

static void visit_fields(auto& archive, support::FieldsOf<AuxiliaryFile> auto& auxiliary_file) {
    archive(auxiliary_file.name, auxiliary_file.contents);
}

static void visit_fields(auto& archive, support::FieldsOf<Catalogue> auto& catalogue) {
    archive(catalogue.model_name, catalogue.folder, catalogue.origin, catalogue.family,
            catalogue.configuration_text, catalogue.configuration, catalogue.shards,
            catalogue.stamps, catalogue.tensors, catalogue.base_prefix, catalogue.decoder,
            catalogue.matrices, catalogue.warnings, catalogue.auxiliary_files);
}

std::string serialize(const Catalogue& catalogue) {
    support::ByteWriter bytes;
    bytes(catalogue);
    return bytes.take();
}

Catalogue deserialize_catalogue(std::string_view text) {
    support::ByteReader bytes(text);
    Catalogue catalogue;
    bytes(catalogue);
    bytes.finish();
    return catalogue;
}

}  // namespace alphaprune::model
