// Pictures: what is read stays inside of them, however they are changed, and threads do not matter.

#include <algorithm>
#include <limits>
#include <vector>

#include "check.h"
#include "image/picture.h"
#include "parallel/thread_pool.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

const double kNone = std::numeric_limits<double>::quiet_NaN();
const PictureChange kNothing = {0, 0, 0, 0, 1, 1, 0, 0, kNone, kNone};
const FillMode kModes[] = {FillMode::Constant, FillMode::Nearest, FillMode::Reflect,
                           FillMode::Wrap};

template <class T>
std::vector<T> changed(const std::vector<T>& source, const PictureShape& shape,
                       const std::vector<PictureChange>& changes, const WarpOptions& options) {
  std::vector<T> target(source.size(), T{-77});
  change_pictures(source.data(), target.data(), shape, changes.data(), options,
                  make_context(nullptr, nullptr, nullptr));
  return target;
}

template <class T>
std::vector<T> random_pictures(const PictureShape& shape, uint64_t seed) {
  Random random(seed);
  std::vector<T> values(static_cast<size_t>(shape.count * shape.size()));
  for (T& value : values) value = static_cast<T>(random.uniform(0, 255));
  return values;
}

// Exactly sized vectors, so that AddressSanitizer sees every read outside of a picture.
TEST(no_change_reads_outside_of_a_picture) {
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    const PictureShape shape = {2, random.integer(1, 6), random.integer(1, 6), random.integer(1, 5),
                                random.integer(0, 1) == 1};
    const auto source = random_pictures<float>(shape, static_cast<uint64_t>(round));
    const auto [low, high] = std::minmax_element(source.begin(), source.end());
    const double far = round % 4 == 0 ? 1e300 : round % 4 == 1 ? 1e9 : 12;
    PictureChange change = kNothing;
    change.theta = random.uniform(-400, 400);
    change.row_shift = random.uniform(-far, far);
    change.column_shift = random.integer(-20, 20);
    change.shear = random.uniform(-90, 90);
    change.row_zoom = random.uniform(-3, 3);
    change.column_zoom = round % 5 == 0 ? 0 : random.uniform(-3, far);
    change.flip_rows = static_cast<double>(random.integer(0, 1));
    for (FillMode fill : kModes) {
      for (int order : {0, 1}) {
        const auto result = changed(source, shape, {change, kNothing}, {fill, *low, order, true});
        for (float value : result) CHECK(value >= *low - 0.01F && value <= *high + 0.01F);
        CHECK(
            std::equal(result.begin() + shape.size(), result.end(), source.begin() + shape.size()));
      }
    }
  }
}

TEST(whole_pixels_move_as_they_are) {
  const PictureShape shape = {1, 2, 3, 1, false};
  const std::vector<double> source = {1, 2, 3, 4, 5, 6};
  PictureChange change = kNothing;
  change.row_shift = 1;  // the numbers' axes change places in Keras's matrix
  const auto shifted = [&](FillMode fill) {
    return changed(source, shape, {change}, {fill, 9, 1, true});
  };
  CHECK(shifted(FillMode::Constant) == std::vector<double>({2, 3, 9, 5, 6, 9}));
  CHECK(shifted(FillMode::Nearest) == std::vector<double>({2, 3, 3, 5, 6, 6}));
  CHECK(shifted(FillMode::Reflect) == std::vector<double>({2, 3, 3, 5, 6, 6}));
  CHECK(shifted(FillMode::Wrap) == std::vector<double>({2, 3, 2, 5, 6, 5}));
  change.flip_columns = 1;
  CHECK(shifted(FillMode::Constant) == std::vector<double>({9, 3, 2, 9, 6, 5}));
}

TEST(flips_in_both_formats) {
  const std::vector<float> last = {1, 10, 2, 20, 3, 30, 4, 40};
  const std::vector<float> first = {1, 2, 3, 4, 10, 20, 30, 40};
  PictureChange change = kNothing;
  change.flip_columns = 1;
  CHECK(changed(last, {1, 2, 2, 2, false}, {change}, {}) ==
        std::vector<float>({2, 20, 1, 10, 4, 40, 3, 30}));
  CHECK(changed(first, {1, 2, 2, 2, true}, {change}, {}) ==
        std::vector<float>({2, 1, 4, 3, 20, 10, 40, 30}));
  change.flip_rows = 1;
  CHECK(changed(first, {1, 2, 2, 2, true}, {change}, {}) ==
        std::vector<float>({4, 3, 2, 1, 40, 30, 20, 10}));
}

TEST(colours_stay_in_range) {
  const std::vector<float> source = {0, 50, 100, 200};
  PictureChange change = kNothing;
  change.channel_shift = 70;
  CHECK(changed(source, {1, 2, 2, 1, false}, {change}, {}) ==
        std::vector<float>({70, 120, 170, 200}));
  change.channel_shift = kNone;
  change.brightness = 2;
  CHECK(changed(source, {1, 2, 2, 1, false}, {change}, {}) ==
        std::vector<float>({0, 100, 200, 255}));
  CHECK(changed(source, {1, 1, 1, 4, false}, {change}, {}) ==
        std::vector<float>({0, 100, 200, 200}));  // the last one is alpha
  const std::vector<float> missing(4, std::numeric_limits<float>::quiet_NaN());
  for (float value : changed(missing, {1, 2, 2, 1, false}, {change}, {})) CHECK(value == 0);
}

TEST(the_number_of_threads_does_not_change_a_bit) {
  const PictureShape shape = {17, 13, 11, 3, false};
  const auto source = random_pictures<float>(shape, 3);
  Random random(4);
  std::vector<PictureChange> changes(17, kNothing);
  for (PictureChange& change : changes) {
    change.theta = random.uniform(-90, 90);
    change.channel_shift = random.uniform(-50, 50);
  }
  const int before = ThreadPool::instance().threads();
  std::vector<float> expected;
  for (int threads : {1, 2, 3, 5}) {
    ThreadPool::instance().set_threads(threads);
    auto result = changed(source, shape, changes, {});
    Standardizing wanted;
    wanted.rescales = wanted.centers = wanted.normalizes = true;
    wanted.factor = 1.0 / 255;
    standardize_pictures(result.data(), shape, wanted, make_context(nullptr, nullptr, nullptr));
    if (expected.empty()) expected = result;
    CHECK(result == expected);
  }
  ThreadPool::instance().set_threads(before);
}

}  // namespace
}  // namespace nacre
