#pragma once

#include <stdexcept>
#include <string>

namespace nacre {

// The one family of exceptions the core throws. Bindings turn each into the Python exception of
// the same name. Kernels never throw: they set the status word (kernel_context.h).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ValueError : public Error {
 public:
  using Error::Error;
};

class TypeError : public Error {
 public:
  using Error::Error;
};

class MemoryError : public Error {
 public:
  using Error::Error;
};

// A run was abandoned on request (Ctrl-C) before anything was committed.
class Interrupted : public Error {
 public:
  using Error::Error;
};

// A defect of Nacre itself, never a user's mistake.
class InternalError : public Error {
 public:
  using Error::Error;
};

}  // namespace nacre
