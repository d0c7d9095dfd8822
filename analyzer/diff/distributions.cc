#include "analyzer/diff/distributions.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <cmath>

namespace twofold {
namespace {

namespace policies = boost::math::policies;

// No exceptions: an overflow is an infinity. With doubles instead of long doubles, results are the
// same on every machine with IEEE arithmetic.
using Policy = policies::policy<
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>,
    policies::evaluation_error<policies::ignore_error>, policies::promote_double<false>>;

using Student = boost::math::students_t_distribution<double, Policy>;

constexpr double kMostFreedom = 1e6;  // from here on it is the normal distribution to 6 figures

double Usable(double freedom) { return std::clamp(freedom, 0.1, kMostFreedom); }

}  // namespace

double StudentTail(double t, double freedom) {
  if (std::isnan(t)) return 1;
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  return boost::math::cdf(boost::math::complement(Student(Usable(freedom)), t));
}

double StudentQuantile(double probability, double freedom) {
  double p = std::clamp(probability, 1e-300, 1 - 1e-15);
  return boost::math::quantile(Student(Usable(freedom)), p);
}

double Digamma(double x) { return boost::math::digamma(std::max(x, 1e-6), Policy()); }

double Trigamma(double x) { return boost::math::trigamma(std::max(x, 1e-6), Policy()); }

double InverseTrigamma(double y) {
  // Newton on 1 / Trigamma, which is almost a line (Smyth 2004, Linear Models and Empirical Bayes,
  // appendix). The tetragamma function comes from a difference.
  if (y > 1e7) return 1 / std::sqrt(y);
  if (y < 1e-6) return 1 / y;
  double x = 0.5 + 1 / y;
  for (int i = 0; i < 50; ++i) {
    double at = Trigamma(x);
    double step = 1e-5 * x;
    double slope = (Trigamma(x + step) - Trigamma(x - step)) / (2 * step);
    double change = at * (1 - at / y) / slope;
    x = std::max(x + change, x / 10);
    if (std::abs(change) < 1e-10 * x) break;
  }
  return x;
}

}  // namespace twofold
