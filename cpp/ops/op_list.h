#pragma once

// Every op, one line each:
//   X(name, infer, gradient, decompose, flags)
// where infer `f` is the function ops::infer_f, and so on; `none` is a null pointer. The functions
// stand in the file of their family and are declared from this list, so nothing else is to be kept.

// clang-format off
#define NACRE_OP_LIST(X)                                                                          \
  /* leaves and aliases: the core runs them */                                                    \
  X(input, none, none, none, kLeaf)                                                               \
  X(constant, none, none, none, kLeaf)                                                            \
  X(variable, none, none, none, kLeaf)                                                            \
  X(identity, same, identity, none, kAlias)                                                       \
  X(stop_gradient, same, none, none, kAlias | kNonDifferentiable)                                 \
  X(reshape, reshape, reshape, none, kAlias)                                                      \
  X(dim_size, dim_size, none, dim_size, kNonDifferentiable)                                       \
  /* elementwise, one operand */                                                                  \
  X(cast, cast, cast, none, kElementwise)                                                         \
  X(neg, numeric_unary, neg, none, kElementwise)                                                  \
  X(abs, numeric_unary, abs, none, kElementwise)                                                  \
  X(sign, numeric_unary, none, none, kElementwise | kNonDifferentiable)                           \
  X(square, numeric_unary, square, none, kElementwise)                                            \
  X(relu, numeric_unary, relu, none, kElementwise)                                                \
  X(exp, floating_unary, exp, none, kElementwise)                                                 \
  X(log, floating_unary, log, none, kElementwise)                                                 \
  X(log1p, floating_unary, log1p, none, kElementwise)                                             \
  X(expm1, floating_unary, expm1, none, kElementwise)                                             \
  X(sqrt, floating_unary, sqrt, none, kElementwise)                                               \
  X(rsqrt, floating_unary, rsqrt, none, kElementwise)                                             \
  X(tanh, floating_unary, tanh, none, kElementwise)                                               \
  X(sigmoid, floating_unary, sigmoid, none, kElementwise)                                         \
  X(softplus, floating_unary, softplus, none, kElementwise)                                       \
  X(erf, floating_unary, erf, none, kElementwise)                                                 \
  X(erfinv, floating_unary, erfinv, none, kElementwise)                                           \
  X(sin, floating_unary, sin, none, kElementwise)                                                 \
  X(cos, floating_unary, cos, none, kElementwise)                                                 \
  X(tan, floating_unary, tan, none, kElementwise)                                                 \
  X(asin, floating_unary, asin, none, kElementwise)                                               \
  X(acos, floating_unary, acos, none, kElementwise)                                               \
  X(atan, floating_unary, atan, none, kElementwise)                                               \
  X(sinh, floating_unary, sinh, none, kElementwise)                                               \
  X(cosh, floating_unary, cosh, none, kElementwise)                                               \
  X(asinh, floating_unary, asinh, none, kElementwise)                                             \
  X(acosh, floating_unary, acosh, none, kElementwise)                                             \
  X(atanh, floating_unary, atanh, none, kElementwise)                                             \
  X(lgamma, floating_unary, lgamma, none, kElementwise)                                           \
  X(digamma, floating_unary, digamma, none, kElementwise)                                         \
  X(floor, floating_unary, none, none, kElementwise | kNonDifferentiable)                         \
  X(ceil, floating_unary, none, none, kElementwise | kNonDifferentiable)                          \
  X(round, floating_unary, none, none, kElementwise | kNonDifferentiable)                         \
  X(trunc, floating_unary, none, none, kElementwise | kNonDifferentiable)                         \
  X(logical_not, logical, none, none, kElementwise | kNonDifferentiable)                          \
  X(bitwise_not, bitwise_not, none, none, kElementwise | kNonDifferentiable)                      \
  X(isfinite, float_predicate, none, none, kElementwise | kNonDifferentiable)                     \
  X(isnan, float_predicate, none, none, kElementwise | kNonDifferentiable)                        \
  X(isinf, float_predicate, none, none, kElementwise | kNonDifferentiable)                        \
  /* elementwise, two or three operands, broadcasting */                                          \
  X(add, arithmetic_or_bool, add, none, kElementwise)                                             \
  X(sub, arithmetic, sub, none, kElementwise)                                                     \
  X(mul, arithmetic_or_bool, mul, none, kElementwise)                                             \
  X(div, floating_binary, div, none, kElementwise)                                                \
  X(pow, arithmetic, pow, none, kElementwise)                                                     \
  X(maximum, arithmetic_or_bool, maximum, none, kElementwise)                                     \
  X(minimum, arithmetic_or_bool, minimum, none, kElementwise)                                     \
  X(floordiv, arithmetic, none, none, kElementwise | kNonDifferentiable | kMayFail)               \
  X(mod, arithmetic, mod, none, kElementwise | kMayFail)                                          \
  X(atan2, floating_binary, atan2, none, kElementwise)                                            \
  X(eq, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(ne, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(lt, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(le, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(gt, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(ge, comparison, none, none, kElementwise | kNonDifferentiable)                                \
  X(logical_and, logical, none, none, kElementwise | kNonDifferentiable)                          \
  X(logical_or, logical, none, none, kElementwise | kNonDifferentiable)                           \
  X(logical_xor, logical, none, none, kElementwise | kNonDifferentiable)                          \
  X(bitwise_and, bitwise, none, none, kElementwise | kNonDifferentiable)                          \
  X(bitwise_or, bitwise, none, none, kElementwise | kNonDifferentiable)                           \
  X(bitwise_xor, bitwise, none, none, kElementwise | kNonDifferentiable)                          \
  X(left_shift, bitwise, none, none, kElementwise | kNonDifferentiable)                           \
  X(right_shift, bitwise, none, none, kElementwise | kNonDifferentiable)                          \
  X(where, where, where, none, kElementwise)                                                      \
  /* reductions */                                                                                \
  X(reduce_sum, reduce_numeric, reduce_sum, none, 0)                                              \
  X(reduce_prod, reduce_numeric, reduce_prod, none, 0)                                            \
  X(reduce_max, reduce_extreme, reduce_extreme, none, 0)                                          \
  X(reduce_min, reduce_extreme, reduce_extreme, none, 0)                                          \
  X(argmax, arg_extreme, none, none, kNonDifferentiable)                                          \
  X(argmin, arg_extreme, none, none, kNonDifferentiable)                                          \
  X(cumsum, cumulative, cumsum, none, 0)                                                          \
  X(cumprod, cumulative, cumprod, none, 0)                                                        \
  /* shape */                                                                                     \
  X(transpose, transpose, transpose, none, 0)                                                     \
  X(broadcast_to, broadcast_to, broadcast_to, none, 0)                                            \
  X(concat, concat, concat, none, 0)                                                              \
  X(slice, slice, slice, none, 0)                                                                 \
  X(pad, pad, pad, none, 0)                                                                       \
  X(reverse, reverse, reverse, none, 0)                                                           \
  /* indexing */                                                                                  \
  X(gather, gather, gather, none, 0)                                                              \
  X(scatter_add, scatter_add, scatter_add, none, 0)                                               \
  X(gather_nd, gather_nd, gather_nd, none, 0)                                                     \
  X(scatter_nd, scatter_nd, scatter_nd, none, 0)                                                  \
  X(take_along_axis, take_along_axis, take_along_axis, none, 0)                                   \
  X(put_along_axis_add, put_along_axis_add, put_along_axis_add, none, 0)                          \
  X(scatter_update, scatter_update, scatter_update, none, 0)                                      \
  X(dynamic_slice, dynamic_slice, dynamic_slice, none, 0)                                         \
  X(dynamic_update_slice, dynamic_update_slice, dynamic_update_slice, none, 0)                    \
  X(one_hot, one_hot, none, none, kNonDifferentiable)                                             \
  X(iota, iota, none, none, kNonDifferentiable)                                                   \
  X(sort, sort, sort, none, 0)                                                                    \
  X(argsort, argsort, none, none, kNonDifferentiable)                                             \
  X(searchsorted, searchsorted, none, none, kNonDifferentiable)                                   \
  X(bincount, bincount, bincount, none, 0)                                                        \
  /* contraction */                                                                               \
  X(matmul, matmul, matmul, none, 0)                                                              \
  /* windows over (batch, spatial..., channels) */                                                 \
  X(conv, conv, conv, none, 0)                                                                    \
  X(conv_input_gradient, conv_input_gradient, conv_input_gradient, none, 0)                       \
  X(conv_kernel_gradient, conv_kernel_gradient, conv_kernel_gradient, none, 0)                    \
  X(max_pool, max_pool, max_pool, none, 0)                                                        \
  X(max_pool_gradient, max_pool_gradient, max_pool_gradient, none, 0)                             \
  X(max_pool_gather, max_pool_gather, max_pool_gather, none, 0)                                   \
  X(average_pool, average_pool, average_pool, none, 0)                                            \
  X(average_pool_gradient, average_pool, average_pool_gradient, none, 0)                          \
  /* random */                                                                                    \
  X(random_bits, random_bits, none, none, kRandom | kNonDifferentiable)                           \
  X(random_uniform, random_floating, none, none, kRandom | kNonDifferentiable)                    \
  X(random_normal, random_floating, none, none, kRandom | kNonDifferentiable)                     \
  X(random_truncated_normal, random_floating, none, none, kRandom | kNonDifferentiable)           \
  X(random_permutation, random_permutation, none, none, kRandom | kNonDifferentiable)             \
  X(random_gamma, random_gamma, none, none, kRandom | kNonDifferentiable)                         \
  /* composites */                                                                                \
  X(softmax, along_axis, softmax, softmax, 0)                                                     \
  X(softmax_grad, along_axis_grad, none, softmax_grad, 0)                                         \
  X(log_softmax, along_axis, log_softmax, log_softmax, 0)                                         \
  X(log_softmax_grad, along_axis_grad, none, log_softmax_grad, 0)                                 \
  X(softmax_cross_entropy, dense_crossentropy, softmax_cross_entropy, softmax_cross_entropy, 0)   \
  X(softmax_cross_entropy_grad, dense_crossentropy_grad, none, softmax_cross_entropy_grad, 0)     \
  X(sparse_softmax_cross_entropy, sparse_crossentropy, sparse_softmax_cross_entropy,              \
    sparse_softmax_cross_entropy, 0)                                                              \
  X(sparse_softmax_cross_entropy_grad, sparse_crossentropy_grad, none,                            \
    sparse_softmax_cross_entropy_grad, 0)                                                         \
  X(sigmoid_cross_entropy, floating_binary, sigmoid_cross_entropy, sigmoid_cross_entropy,         \
    kElementwise)                                                                                 \
  X(categorical_crossentropy, dense_crossentropy, none, categorical_crossentropy, 0)              \
  X(sparse_categorical_crossentropy, sparse_crossentropy, none, sparse_categorical_crossentropy,  \
    0)                                                                                            \
  X(binary_crossentropy, floating_binary, none, binary_crossentropy, 0)                           \
  X(batch_norm, batch_norm, batch_norm, batch_norm, 0)                                            \
  X(batch_norm_grad, batch_norm_grad, none, batch_norm_grad, 0)                                   \
  X(layer_norm, layer_norm, layer_norm, layer_norm, 0)                                            \
  X(layer_norm_grad, layer_norm_grad, none, layer_norm_grad, 0)                                   \
  /* control: the core infers, differentiates and runs their regions */                           \
  X(scan, none, none, none, kRegion)                                                              \
  X(cond, none, none, none, kRegion)                                                              \
  X(while, none, none, none, kRegion)
// clang-format on
