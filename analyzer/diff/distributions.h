// The distributions that a diff's statistics need, from Boost.Math. Boost throws: nothing of it
// leaves distributions.cc, and arguments are kept where it does not.
#pragma once

namespace twofold {

// Student's t with `freedom` degrees of freedom: the probability of more than `t`.
double StudentTail(double t, double freedom);

// The value that is not exceeded with this probability.
double StudentQuantile(double probability, double freedom);

double Digamma(double x);
double Trigamma(double x);

// x > 0 with Trigamma(x) = y, for y > 0.
double InverseTrigamma(double y);

}  // namespace twofold
