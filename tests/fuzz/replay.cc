// Runs the fuzz target without a fuzzer.
//
// usage: fuzz_capture_reader_replay                    seeds and fixed random changes of them
//        fuzz_capture_reader_replay FILE...            the inputs in these files
//        fuzz_capture_reader_replay --write-seeds DIR  writes the seeds for a fuzzer
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "tests/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kChangesPerSeed = 3000;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One to four changes: a flipped bit, another byte, a number at a border, a cut, a repetition.
std::string Change(std::string input, std::mt19937& random) {
  for (uint32_t left = 1 + random() % 4; left != 0 && input.size() > 4; --left) {
    size_t at = 1 + random() % (input.size() - 4);
    switch (random() % 5) {
      case 0:
        input[at] = char(input[at] ^ 1 << random() % 8);
        break;
      case 1:
        input[at] = char(random());
        break;
      case 2:
        input.replace(at, 4, random() % 2 == 0 ? std::string(4, '\xFF') : std::string(4, '\0'));
        break;
      case 3:
        input.erase(at, 1 + random() % 64);
        break;
      case 4:
        input.insert(at, input.substr(random() % input.size(), 1 + random() % 64));
        break;
    }
  }
  return input;
}

int WriteSeeds(const std::string& folder) {
  int number = 0;
  for (const std::string& seed : twofold::testing::FuzzSeeds()) {
    std::string path = folder + "/seed-" + std::to_string(number++);
    std::ofstream file(path, std::ios::binary);
    file << seed;
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--write-seeds") return WriteSeeds(argv[2]);
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    Run(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  if (argc > 1) return 0;
  std::mt19937 random(2);
  int runs = 0;
  for (const std::string& seed : twofold::testing::FuzzSeeds()) {
    Run(seed);
    for (int i = 0; i < kChangesPerSeed; ++i) Run(Change(seed, random));
    runs += 1 + kChangesPerSeed;
  }
  std::printf("%d inputs, each came back\n", runs);
  return 0;
}
