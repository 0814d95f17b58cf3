#pragma once

// Functions of one double that the C++ library lacks, or has only with shared state.

namespace nacre::reference {

double erfinv(double x);
double digamma(double x);
double lgamma(double x);

}  // namespace nacre::reference
