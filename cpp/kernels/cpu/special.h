#pragma once

// Special functions of doubles that the C library lacks, or has with global state.

namespace nacre::cpu {

double log_gamma(double x);    // log|gamma(x)|; infinity at 0, -1, -2, ...
double digamma_of(double x);   // NaN at 0, -1, -2, ...
double inverse_erf(double x);  // NaN outside [-1, 1]

}  // namespace nacre::cpu
