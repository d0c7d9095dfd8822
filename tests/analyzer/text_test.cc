// Escaping, numbers for people, tables, CSV and suggestions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/output/csv.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/options.h"
#include "format/base/suggest.h"
#include "format/base/units.h"

namespace twofold {
namespace {

TEST(EscapeText, MakesControlAndInvisibleCharactersVisible) {
  EXPECT_EQ(EscapeText("plain text <b> ;"), "plain text <b> ;");
  EXPECT_EQ(EscapeText("\x1b[31m\n\t"), "\\x1b[31m\\x0a\\x09");
  EXPECT_EQ(EscapeText("a\\b"), "a\\\\b");
  EXPECT_EQ(EscapeText(std::string("nul\0", 4)), "nul\\x00");
  EXPECT_EQ(EscapeText("\xc2\x9b"), "\\u{9b}");             // CSI as one character
  EXPECT_EQ(EscapeText("\xe2\x80\xae"), "\\u{202e}");       // right-to-left override
  EXPECT_EQ(EscapeText("\xe2\x81\xa6"), "\\u{2066}");       // isolate
  EXPECT_EQ(EscapeText("\xe2\x80\x8b"), "\\u{200b}");       // zero width space
  EXPECT_EQ(EscapeText("\xef\xbf\xbe"), "\\u{fffe}");       // not allowed in XML
  EXPECT_EQ(EscapeText("\xf3\xa0\x81\x81"), "\\u{e0041}");  // invisible tag
  EXPECT_EQ(EscapeText("Z\xc3\xbcrich \xe6\x97\xa5"), "Z\xc3\xbcrich \xe6\x97\xa5");
}

TEST(EscapeText, BytesThatAreNotUtf8AreEscapedOneByOne) {
  EXPECT_EQ(EscapeText("\xff"), "\\xff");
  EXPECT_EQ(EscapeText("\xc3"), "\\xc3");                             // cut off
  EXPECT_EQ(EscapeText("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(EscapeText("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(EscapeText("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(EscapeText("\xe2\x80x"), "\\xe2\\x80x");
}

TEST(EscapeText, CanBeTakenBackForAllBytePairs) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      std::string text = {char(a), char(b), 'x'};
      EXPECT_EQ(UnescapeText(EscapeText(text)), text);
      EXPECT_EQ(UnescapeText(EscapeFrame(text)), text);
    }
  }
  EXPECT_EQ(UnescapeText(EscapeText("\xf3\xa0\x81\x81\xe2\x80\xae")),
            "\xf3\xa0\x81\x81\xe2\x80\xae");
}

TEST(EscapeFrame, AlsoEscapesTheSeparator) { EXPECT_EQ(EscapeFrame("a;b"), "a\\x3bb"); }

TEST(EscapeXml, LeavesNoMarkup) {
  EXPECT_EQ(EscapeXml("<a b='c' d=\"e\">&</a>"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;&lt;/a&gt;");
}

TEST(Units, DurationsHaveThreeFigures) {
  EXPECT_EQ(FormatDuration(0), "0 s");
  EXPECT_EQ(FormatDuration(7), "7 ns");
  EXPECT_EQ(FormatDuration(999), "999 ns");
  EXPECT_EQ(FormatDuration(1000), "1.00 us");
  EXPECT_EQ(FormatDuration(12345), "12.3 us");
  EXPECT_EQ(FormatDuration(999499), "999 us");
  EXPECT_EQ(FormatDuration(999500), "1.00 ms");
  EXPECT_EQ(FormatDuration(1234000000), "1.23 s");
  EXPECT_EQ(FormatDuration(119400000000), "119 s");
  EXPECT_EQ(FormatDuration(125000000000), "2 min 5 s");
  EXPECT_EQ(FormatDuration(12000000000000), "3 h 20 min");
  EXPECT_EQ(FormatDuration(-1500), "-1.50 us");
}

TEST(Units, BytesCountsAndShares) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.00 KiB");
  EXPECT_EQ(FormatBytes(1048575), "1.00 MiB");
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(-123), "-123");
  EXPECT_EQ(FormatCount(-1234), "-1,234");
  EXPECT_EQ(FormatShare(1, 3), "33.3 %");
  EXPECT_EQ(FormatShare(0, 3), "0 %");
  EXPECT_EQ(FormatShare(1, 0), "0 %");
  EXPECT_EQ(FormatShare(1, 2000), "0.05 %");
  EXPECT_EQ(FormatShare(1, 1000000), "< 0.01 %");
}

TEST(Units, UtcKnowsTheCalendar) {
  constexpr int64_t kSecond = 1000000000;
  EXPECT_EQ(FormatUtc(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(FormatUtc(1700000000 * kSecond), "2023-11-14 22:13:20 UTC");
  EXPECT_EQ(FormatUtc(951782400 * kSecond), "2000-02-29 00:00:00 UTC");
  EXPECT_EQ(FormatUtc(951868800 * kSecond - 1), "2000-02-29 23:59:59 UTC");
  EXPECT_EQ(FormatUtc(-1), "1969-12-31 23:59:59 UTC");
  EXPECT_EQ(FormatUtc(4102444800 * kSecond), "2100-01-01 00:00:00 UTC");
}

TEST(Table, AlignsEscapesAndShortens) {
  EXPECT_EQ(
      FormatTable({{"n", Align::kRight}, {"name", Align::kLeft}}, {{"1", "x"}, {"22", "y\n"}}),
      " n  name\n"
      " 1  x\n"
      "22  y\\x0a\n");
  EXPECT_EQ(FormatTable({{"", Align::kLeft}, {"", Align::kLeft}},
                        {{"a", "a long text that does not fit"}}, 2, 20),
            "  a  a long text th\u2026\n");
  // Wide characters take two columns.
  EXPECT_EQ(FormatTable({{"a", Align::kLeft}, {"b", Align::kLeft}}, {{"\u65e5", "x"}, {"ab", "y"}}),
            "a   b\n\u65e5  x\nab  y\n");
}

TEST(Csv, QuotesAndDefusesFormulas) {
  EXPECT_EQ(CsvLine({"a", "b,c", "d\"e", "f\ng", ""}), "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
  EXPECT_EQ(CsvLine({"=1+1", "-5", "-5x", "@cmd", "+1", "1.5e3", "-1.5"}),
            "'=1+1,-5,'-5x,'@cmd,'+1,1.5e3,-1.5\r\n");
}

TEST(Suggestion, FindsNearWordsOnly) {
  EXPECT_EQ(EditDistance("fold", "fold"), 0u);
  EXPECT_EQ(EditDistance("flod", "fold"), 1u);  // a swap
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(Nearest("offcpi", {"cpu", "offcpu"}), "offcpu");
  EXPECT_EQ(Nearest("ofcpu", {"cpu", "offcpu"}), "offcpu");
  EXPECT_EQ(Nearest("verif", {"info", "verify"}), "verify");
  EXPECT_EQ(Nearest("banana", {"cpu", "offcpu"}), "");
  EXPECT_EQ(Nearest("", {"cpu"}), "");
}

TEST(Wrap, BreaksAtSpaces) {
  EXPECT_EQ(Wrap("aa bb cc dd", 2, 8), "aa bb\n  cc dd");
  EXPECT_EQ(Wrap("", 2, 8), "");
  EXPECT_EQ(Wrap("averylongwordhere x", 0, 8), "averylongwordhere\nx");
}

}  // namespace
}  // namespace twofold
