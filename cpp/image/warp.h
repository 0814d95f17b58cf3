#pragma once

#include "image/picture.h"

namespace nacre {

// Where a pixel of the result is read: position = matrix * (row, column) + offset.
struct Affine {
  double matrix[2][2] = {{1, 0}, {0, 1}};
  double offset[2] = {0, 0};
};

// The map of a change, about the middle of the picture; false where it moves nothing.
bool affine_of(const PictureChange& change, const PictureShape& shape, bool swap_axes,
               Affine& affine);

// One picture through an affine map, flipped on the way if asked for.
template <class T>
void warp_picture(const T* source, T* target, const PictureShape& shape, const Affine& affine,
                  const WarpOptions& options, bool flip_rows, bool flip_columns);

}  // namespace nacre
