// Field numbers of profile.proto, pprof's format: what the export writes and the import reads.
#pragma once

#include <cstdint>

namespace twofold {

struct ProfileField {
  enum : uint32_t {
    kSampleType = 1,
    kSample = 2,
    kMapping = 3,
    kLocation = 4,
    kFunction = 5,
    kString = 6,
    kTime = 9,
    kDuration = 10,
    kPeriodType = 11,
    kPeriod = 12,
    kComment = 13,
    kDefaultSampleType = 14,
  };
};
struct ValueTypeField {
  enum : uint32_t { kType = 1, kUnit = 2 };
};
struct SampleField {
  enum : uint32_t { kLocationIds = 1, kValues = 2, kLabel = 3 };
};
struct LabelField {
  enum : uint32_t { kKey = 1, kText = 2, kNumber = 3 };
};
struct MappingField {
  enum : uint32_t {
    kId = 1,
    kStart = 2,
    kLimit = 3,
    kFileOffset = 4,
    kFileName = 5,
    kBuildId = 6,
    kHasFunctions = 7,
    kHasFileNames = 8,
    kHasLines = 9,
    kHasInlined = 10,
  };
};
struct LocationField {
  enum : uint32_t { kId = 1, kMappingId = 2, kAddress = 3, kLine = 4 };
};
struct LineField {
  enum : uint32_t { kFunctionId = 1, kLine = 2 };
};
struct FunctionField {
  enum : uint32_t { kId = 1, kName = 2, kSystemName = 3, kFileName = 4 };
};

}  // namespace twofold
