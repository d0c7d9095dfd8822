#include "recorder/cli/comm_glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twofold {
namespace {

using testing::HasSubstr;

bool Matches(const std::string& pattern, const std::string& name) {
  const Result<CommGlob> glob = CommGlob::Parse(pattern);
  EXPECT_TRUE(glob) << (glob ? "" : glob.error().Message());
  return glob && glob->Matches(name);
}

TEST(CommGlob, NameWithoutStarsMatchesItselfOnly) {
  EXPECT_TRUE(Matches("nginx", "nginx"));
  EXPECT_FALSE(Matches("nginx", "nginx2"));
  EXPECT_FALSE(Matches("nginx", "ngin"));
  EXPECT_FALSE(Matches("nginx", "xnginx"));
  EXPECT_FALSE(Matches("nginx", "NGINX"));
  EXPECT_FALSE(Matches("nginx", ""));
}

TEST(CommGlob, StarStandsForAnyCharactersAndNone) {
  EXPECT_TRUE(Matches("post*", "post"));
  EXPECT_TRUE(Matches("post*", "postgres"));
  EXPECT_TRUE(Matches("*gres", "postgres"));
  EXPECT_TRUE(Matches("p*g*s", "postgres"));
  EXPECT_TRUE(Matches("*a*a*", "banana"));
  EXPECT_FALSE(Matches("p*g*x", "postgres"));
  EXPECT_FALSE(Matches("*a*a*a*a*", "banana"));
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_TRUE(Matches("*", "anything at all"));
  EXPECT_TRUE(Matches("***x***", "x"));
}

// A match that takes the first possible part for each star must be able to go on from a later one.
TEST(CommGlob, StarsFindTheirLaterParts) {
  EXPECT_TRUE(Matches("*ab", "aabab"));
  EXPECT_TRUE(Matches("a*bc*d", "abbcbcd"));
  EXPECT_TRUE(Matches("*aab", "aaaaaaab"));
  EXPECT_FALSE(Matches("*aab", "aaaaaaba"));
}

TEST(CommGlob, QuestionMarkStandsForOneByte) {
  EXPECT_TRUE(Matches("kworker/?:*", "kworker/1:0"));
  EXPECT_FALSE(Matches("kworker/?:*", "kworker/11:0"));
  EXPECT_FALSE(Matches("?", ""));
  EXPECT_TRUE(Matches("??", "\xc3\xa9"));
}

TEST(CommGlob, BracketsAndBackslashesStandForThemselves) {
  EXPECT_TRUE(Matches("[a]\\", "[a]\\"));
  EXPECT_FALSE(Matches("[a]", "a"));
}

TEST(CommGlob, NameOfFullLengthMatchesWithStarsAround) {
  EXPECT_TRUE(Matches("abcdefghijklmno", "abcdefghijklmno"));
  EXPECT_TRUE(Matches("*a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*", "abcdefghijklmno"));
  EXPECT_TRUE(Matches("???????????????", "abcdefghijklmno"));
}

TEST(CommGlob, EmptyAndTooLongPatternsAreRefused) {
  for (const auto& [pattern, part] :
       {std::pair("", "empty"), std::pair("abcdefghijklmnop", "longer than any thread's name"),
        std::pair("*????????????????*", "longer than any thread's name")}) {
    const Result<CommGlob> glob = CommGlob::Parse(pattern);
    ASSERT_FALSE(glob) << pattern;
    EXPECT_EQ(glob.error().kind, Error::Kind::kUsage);
    EXPECT_THAT(glob.error().Message(), HasSubstr(part));
  }
}

}  // namespace
}  // namespace twofold
