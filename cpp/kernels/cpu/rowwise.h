#pragma once

// Row-wise composites (softmax, cross-entropy, layer normalisation) and batch normalisation, with
// their gradients.

#include <span>

#include "kernels/backend.h"
#include "kernels/cpu/rowwise_ops.h"

namespace nacre::cpu {

extern const RowwiseTable float64_rowwise_table;
extern const NormTable float64_norm_table;

// The tables for float32 (of the active instruction set) and float64; null for other types.
const RowwiseTable* find_rowwise_table(DType dtype);
const NormTable* find_norm_table(DType dtype);

// softmax, log_softmax and gradients.
std::span<const OpEntry> softmax_entries();
// softmax_cross_entropy, sparse_softmax_cross_entropy and gradients.
std::span<const OpEntry> cross_entropy_entries();
// layer_norm and its gradient.
std::span<const OpEntry> layer_norm_entries();
// batch_norm and its gradient, alone and with what stands around them (norm_fusion.h).
std::span<const OpEntry> batch_norm_entries();

}  // namespace nacre::cpu
