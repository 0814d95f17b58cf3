#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa.h"
#include "parallel/thread_pool.h"

namespace nacre::cpu {
namespace {

using check::Random;

// How an operand lies in memory.
enum class Layout { Plain, Transposed, PlainGaps, Strided };

// A matrix in some layout, with guards of NaN around what may be read.
struct Matrix {
  std::vector<float> memory;
  int64_t row = 0, col = 0;
  int64_t offset = 0;
  const float* data() const { return memory.data() + offset; }
  double at(int64_t i, int64_t j) const {
    return memory[static_cast<size_t>(offset + i * row + j * col)];
  }
};

Matrix make_matrix(int64_t rows, int64_t cols, Layout layout, Random& random) {
  Matrix m;
  switch (layout) {
    case Layout::Plain:
      m.row = cols, m.col = 1;
      break;
    case Layout::Transposed:
      m.row = 1, m.col = rows;
      break;
    case Layout::PlainGaps:
      m.row = cols + 3, m.col = 1;
      break;
    case Layout::Strided:
      m.row = 2 * cols + 1, m.col = 2;
      break;
  }
  const int64_t size = rows == 0 || cols == 0 ? 0 : (rows - 1) * m.row + (cols - 1) * m.col + 1;
  m.offset = 5;
  m.memory.assign(static_cast<size_t>(size + 10), NAN);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      m.memory[static_cast<size_t>(m.offset + i * m.row + j * m.col)] =
          static_cast<float>(random.uniform());
    }
  }
  return m;
}

std::vector<float> run(const IsaTable& isa, const GemmProblem& problem, const float* a,
                       const float* b, const float* bias, int64_t c_size) {
  const GemmPlan plan = isa.gemm->plan(problem);
  std::vector<float> c(static_cast<size_t>(c_size) + 2, -77.0f);
  void* workspace = std::aligned_alloc(64, plan.workspace + 64);
  std::memset(workspace, 0xff, plan.workspace + 64);  // NaN
  uint32_t status = 0;
  int64_t offender = 0;
  const KernelContext context = make_context(&status, &offender, static_cast<char*>(workspace));
  isa.gemm->run(plan, a, b, bias, c.data() + 1, context);
  CHECK_EQ(c.front(), -77.0f);
  CHECK_EQ(c.back(), -77.0f);
  for (size_t i = 0; i < 64; ++i) {  // nothing written past the workspace
    CHECK(static_cast<unsigned char*>(workspace)[plan.workspace + i] == 0xff);
  }
  std::free(workspace);
  return {c.begin() + 1, c.end() - 1};
}

double activated(double v, Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return v < 0 ? 0 : v;
    case Activation::Sigmoid:
      return 1 / (1 + std::exp(-v));
    case Activation::Tanh:
      return std::tanh(v);
    case Activation::None:
      break;
  }
  return v;
}

std::string describe(const GemmProblem& p, const IsaTable& isa) {
  return std::string(isa.name) + " " + std::to_string(p.m) + "x" + std::to_string(p.k) + "x" +
         std::to_string(p.n) + " strides " + std::to_string(p.a_row) + "," +
         std::to_string(p.a_col) + "," + std::to_string(p.b_row) + "," + std::to_string(p.b_col);
}

void check_product(int64_t m, int64_t n, int64_t k, Layout a_layout, Layout b_layout, bool has_bias,
                   Activation activation) {
  Random random(static_cast<uint64_t>(m * 1000003 + n * 1009 + k));
  const Matrix a = make_matrix(m, k, a_layout, random);
  const Matrix b = make_matrix(k, n, b_layout, random);
  const Matrix bias = make_matrix(1, n, Layout::Plain, random);
  GemmProblem p;
  p.m = m, p.n = n, p.k = k;
  p.a_row = a.row, p.a_col = a.col;
  p.b_row = b.row, p.b_col = b.col;
  p.c_row = n;
  p.has_bias = has_bias;
  p.activation = activation;
  std::vector<double> expected;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = has_bias ? bias.at(0, j) : 0;
      for (int64_t q = 0; q < k; ++q) sum += a.at(i, q) * b.at(q, j);
      expected.push_back(activated(sum, activation));
    }
  }
  for (const IsaTable* isa : available_isas()) {
    const std::vector<float> c =
        run(*isa, p, a.data(), b.data(), has_bias ? bias.data() : nullptr, m * n);
    double worst = 0;
    for (size_t i = 0; i < c.size(); ++i) {
      const double error = std::fabs(c[i] - expected[i]);
      if (!(error <= worst)) worst = error;  // a NaN stays
      if (std::isnan(worst)) break;
    }
    const double tolerance = 1e-7 * (8 + static_cast<double>(k));
    if (!(worst <= tolerance)) {
      check::fail(__FILE__, __LINE__, describe(p, *isa) + ": error " + std::to_string(worst));
    }
  }
}

TEST(small_sizes_and_all_layouts) {
  ThreadPool::instance().set_threads(2);
  const Layout layouts[] = {Layout::Plain, Layout::Transposed, Layout::PlainGaps, Layout::Strided};
  Random random(1);
  for (const Layout a : layouts) {
    for (const Layout b : layouts) {
      for (int64_t m : {1, 2, 3, 5, 14, 15, 33}) {
        for (int64_t n : {1, 2, 4, 7, 16, 17, 33, 65}) {
          const auto activation = static_cast<Activation>(random.integer(0, 3));
          check_product(m, n, random.integer(1, 40), a, b, random.integer(0, 1) != 0, activation);
        }
      }
    }
  }
}

TEST(every_tail) {
  for (int64_t n = 1; n <= 67; ++n) {
    check_product(9, n, 20, Layout::Plain, Layout::Plain, true, Activation::Relu);
    check_product(1, n, 37, Layout::Plain, Layout::Transposed, true, Activation::None);
    check_product(n, 3, n + 30, Layout::Plain, Layout::Plain, true, Activation::Tanh);
    check_product(n, 10, 31, Layout::Transposed, Layout::Plain, false, Activation::None);
  }
}

TEST(blocked_sizes_and_all_layouts) {
  ThreadPool::instance().set_threads(3);
  const Layout layouts[] = {Layout::Plain, Layout::Transposed, Layout::PlainGaps, Layout::Strided};
  for (const Layout a : layouts) {
    for (const Layout b : layouts) {
      check_product(131, 203, 307, a, b, true, Activation::Sigmoid);
      check_product(301, 129, 513, a, b, false, Activation::Relu);
    }
  }
}

TEST(thin_and_wide_shapes) {
  ThreadPool::instance().set_threads(2);
  for (const Layout a : {Layout::Plain, Layout::Transposed}) {
    for (const Layout b : {Layout::Plain, Layout::Transposed}) {
      for (int64_t m : {1, 2, 3, 4, 6}) {
        check_product(m, 3000, 50, a, b, true, Activation::None);
        check_product(3000, m, 50, a, b, true, Activation::Relu);
        check_product(m, 5, 9000, a, b, true, Activation::None);  // k is cut
      }
      check_product(32, 64, 784, a, b, true, Activation::Relu);
      check_product(64, 10, 9000, a, b, false, Activation::None);
    }
  }
}

// More than one packed part in every direction.
TEST(super_blocks) {
  ThreadPool::instance().set_threads(2);
  check_product(400, 70, 10600, Layout::Plain, Layout::Plain, true, Activation::Relu);
  check_product(8300, 65, 64, Layout::Plain, Layout::Transposed, true, Activation::None);
  check_product(6, 1050, 1100, Layout::Plain, Layout::Transposed, true, Activation::Relu);
  check_product(57, 8300, 65, Layout::Strided, Layout::Plain, true, Activation::Sigmoid);
}

// Panels of a large B are copied beside the tiles that read them.
TEST(staged_panels) {
  ThreadPool::instance().set_threads(2);
  for (const Layout a : {Layout::Plain, Layout::Transposed}) {
    for (const Layout b : {Layout::Plain, Layout::Transposed, Layout::PlainGaps}) {
      check_product(57, 1030, 811, a, b, true, Activation::Sigmoid);
      check_product(30, 2050, 411, a, b, false, Activation::Relu);
    }
  }
}

// Few columns and a long k; few rows and a B that comes from memory.
TEST(long_dots_and_rows_cut_over_k) {
  ThreadPool::instance().set_threads(2);
  for (const Layout b : {Layout::Plain, Layout::Transposed, Layout::PlainGaps}) {
    check_product(515, 8, 1024, Layout::Plain, b, true, Activation::Relu);
    check_product(514, 13, 530, Layout::PlainGaps, b, false, Activation::None);
  }
  for (int64_t m : {1, 2, 4}) {
    check_product(m, 4133, 1037, Layout::Plain, Layout::Plain, true, Activation::Tanh);
    check_product(m, 9000, 520, Layout::Plain, Layout::PlainGaps, false, Activation::Relu);
  }
}

TEST(no_elements) {
  for (const Activation activation : {Activation::None, Activation::Sigmoid}) {
    check_product(3, 17, 0, Layout::Plain, Layout::Plain, true, activation);
    check_product(5, 1, 0, Layout::Plain, Layout::Plain, false, activation);
    check_product(0, 17, 3, Layout::Plain, Layout::Plain, true, activation);
    check_product(3, 0, 4, Layout::Plain, Layout::Plain, true, activation);
  }
}

TEST(the_same_bits_for_any_number_of_threads) {
  struct Shape {
    int64_t m, n, k;
    Layout a, b;
  };
  const Shape shapes[] = {
      {32, 64, 784, Layout::Plain, Layout::Plain},
      {784, 64, 32, Layout::Transposed, Layout::Plain},
      {300, 300, 300, Layout::Plain, Layout::Transposed},
      {517, 259, 1031, Layout::Plain, Layout::Plain},
      {20, 10, 20000, Layout::Transposed, Layout::Plain},
      {1, 5000, 300, Layout::Plain, Layout::Plain},
      {5000, 1, 300, Layout::Plain, Layout::Plain},
      {2, 3, 50000, Layout::Plain, Layout::Plain},
      {60, 60, 9000, Layout::Plain, Layout::Plain},
      {60, 3000, 500, Layout::Plain, Layout::Plain},
      {1, 4200, 1100, Layout::Plain, Layout::Plain},
      {600, 12, 700, Layout::Plain, Layout::Plain},
  };
  Random random(7);
  for (const Shape& s : shapes) {
    const Matrix a = make_matrix(s.m, s.k, s.a, random);
    const Matrix b = make_matrix(s.k, s.n, s.b, random);
    GemmProblem p;
    p.m = s.m, p.n = s.n, p.k = s.k;
    p.a_row = a.row, p.a_col = a.col, p.b_row = b.row, p.b_col = b.col;
    p.c_row = s.n;
    for (const IsaTable* isa : available_isas()) {
      std::vector<float> first;
      for (const int threads : {1, 2, 3, 5}) {
        ThreadPool::instance().set_threads(threads);
        const std::vector<float> c = run(*isa, p, a.data(), b.data(), nullptr, s.m * s.n);
        if (first.empty()) first = c;
        if (std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) != 0) {
          check::fail(__FILE__, __LINE__, describe(p, *isa) + ": bits differ");
        }
      }
    }
  }
}

TEST(batches) {
  ThreadPool::instance().set_threads(2);
  struct Shape {
    int64_t batch, m, n, k;
  };
  Random random(3);
  for (const Shape s : {Shape{1, 4, 5, 6}, Shape{70, 33, 17, 20}, Shape{3, 150, 150, 150},
                        Shape{200, 1, 9, 40}, Shape{90, 20, 1, 30}, Shape{0, 3, 4, 5}}) {
    for (const bool transposed : {false, true}) {
      for (const bool table : {false, true}) {
        const Matrix a = make_matrix(s.batch * s.m, s.k, Layout::Plain, random);
        const Matrix b = make_matrix(s.batch * s.n, s.k, Layout::Plain, random);
        std::vector<int64_t> a_offsets, b_offsets;
        for (int64_t i = 0; i < s.batch; ++i) {
          a_offsets.push_back((s.batch - 1 - i) * s.m * s.k);
          b_offsets.push_back(i * s.n * s.k);
        }
        GemmProblem p;
        p.m = s.m, p.n = s.n, p.k = s.k, p.batch = s.batch;
        p.a_row = s.k, p.a_batch = s.m * s.k, p.b_batch = s.n * s.k, p.c_batch = s.m * s.n;
        p.b_row = transposed ? 1 : s.n;
        p.b_col = transposed ? s.k : 1;
        p.c_row = s.n;
        if (table) p.a_offsets = a_offsets.data(), p.b_offsets = b_offsets.data();
        for (const IsaTable* isa : available_isas()) {
          const auto c = run(*isa, p, a.data(), b.data(), nullptr, s.batch * s.m * s.n);
          double worst = 0;
          for (int64_t e = 0; e < s.batch * s.m * s.n; ++e) {
            const int64_t item = e / (s.m * s.n), i = e / s.n % s.m, j = e % s.n;
            const float* left = a.data() + (table ? s.batch - 1 - item : item) * s.m * s.k;
            const float* right = b.data() + item * s.n * s.k;
            double sum = 0;
            for (int64_t k = 0; k < s.k; ++k) {
              sum += static_cast<double>(left[i * s.k + k]) * right[k * p.b_row + j * p.b_col];
            }
            worst = std::fmax(worst, std::fabs(sum - c[static_cast<size_t>(e)]));
          }
          CHECK_NEAR(worst, 0, 1e-5);
        }
      }
    }
  }
}

}  // namespace
}  // namespace nacre::cpu
