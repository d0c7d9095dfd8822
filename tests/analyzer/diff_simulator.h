// Makes pairs of recordings by chance, as plain numbers for the core of `twofold diff`: functions
// with known costs whose load and mix drift, burst and recur as those of real programs do.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "analyzer/diff/change.h"
#include "analyzer/diff/family.h"

namespace twofold::testing {

// How much what a program does differs from second to second.
struct Weather {
  double likeness = 0;  // of neighbouring seconds: 0 independent, 0.8 much alike
  double mix = 0;       // standard deviation of each function's cost
  double load = 0;      // the same of the load, which all functions share
  bool bursts = false;  // classes of functions that are called more for some seconds
  bool jobs = false;    // functions that run for 5 to 10 seconds now and then
};

inline constexpr Weather kCalm = {};
inline constexpr Weather kMild = {.likeness = 0.5, .mix = 0.05, .load = 0.2};
inline constexpr Weather kHard = {
    .likeness = 0.8, .mix = 0.1, .load = 0.3, .bursts = true, .jobs = true};

// How long single pieces of a function's time are.
enum class Pieces : uint8_t { kSamples, kLognormal, kPareto };

struct Plan {
  Weather weather;
  Pieces pieces = Pieces::kSamples;
  double pieces_per_second = 8000;
  size_t functions = 200;
  size_t seconds_before = 30;
  size_t seconds_after = 30;
  size_t runs = 1;       // on each side
  double run_noise = 0;  // standard deviation of each function's cost between runs
  double load_after = 1;
};

class DiffSimulator {
 public:
  DiffSimulator(const Plan& plan, uint64_t seed);

  // Sets a function's cost, as a share of all before and as a factor from before to after. A factor
  // of 0 or a share of 0 makes it gone or new.
  void SetShare(size_t function, double share) { shares_[function] = share; }
  void SetFactor(size_t function, double factor) { factors_[function] = factor; }
  // A function that is there only after, with this share.
  void SetNew(size_t function, double share);

  struct Pair {
    SideIntervals before;
    SideIntervals after;
    std::vector<Change> changes;  // by function, as Judge leaves them
    Family family;
  };
  // Records both sides and judges.
  Pair Record();

 private:
  struct Side {
    SideIntervals intervals;
    std::vector<Weights> functions;
  };
  Side RecordSide(bool after);
  void RecordRun(bool after, size_t seconds, std::vector<double>& totals,
                 std::vector<Weights>& functions);
  double Normal();
  // A piece's length; its mean is 1.
  double Length();

  const Plan plan_;
  std::mt19937_64 random_;
  std::vector<double> shares_;
  std::vector<double> factors_;
  std::vector<double> new_shares_;
};

}  // namespace twofold::testing
