// Names of C++ and Rust functions, as compilers made them and as somebody might make them up.
#include "analyzer/names/demangle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "analyzer/names/demangle_many.h"
#include "analyzer/names/java_name.h"
#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kString[] =
    "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";

struct Known {
  std::string mangled;
  std::string readable;
};

// What g++ 12 and rustc 1.95 made of small programs.
std::vector<Known> KnownNames() {
  std::string string = kString;
  return {
      // C++: without parameters and return type, with template arguments.
      {"_ZN3app3runEi", "app::run"},
      {"_ZN3app12_GLOBAL__N_16hiddenEi", "app::(anonymous namespace)::hidden"},
      {"_ZZN3app3runEiENKUliE_clEi", "app::run(int)::{lambda(int)#1}::operator()"},
      {"_ZNK3app5CacheINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE4findERKS6_",
       "app::Cache<" + string + " >::find"},
      {"_ZNK3app5CacheISt6vectorISt4pairIiNSt7__cxx1112basic_stringIcSt11char_"
       "traitsIcESaIcEEEESaIS9"
       "_EEEclEi",
       "app::Cache<std::vector<std::pair<int, " + string + " >, std::allocator<std::pair<int, " +
           string + " > > > >::operator()"},
      {"_Z4sortIiEvPT_S1_", "sort<int>"},
      {"_ZN3FoocmERKS_", "Foo::operator,"},
      {"_ZN3FooD0Ev", "Foo::~Foo"},
      {"_ZTV3Foo", "vtable for Foo"},
      // What compilers and linkers put behind them.
      {"_Z3fooi.isra.0", "foo.isra.0"},
      {"_Z3fooi.constprop.0.cold", "foo.constprop.0.cold"},
      {"_Z3fooi@plt", "foo@plt"},
      {"_Z3fooi.llvm.1234567", "foo"},
      // Rust v0: without hashes.
      {"_RINvCsauMP1AnkCw5_4demo5applyNCNvB2_5entry0EB2_",
       "demo::apply::<demo::entry::{closure#0}>"},
      {"_RNvMs_NtCsauMP1AnkCw5_4demo6shapesINtB4_6CirclemE3getB6_",
       "<demo::shapes::Circle<u32>>::get"},
      {"_RNvXNtCsauMP1AnkCw5_4demo6shapesINtB2_6CirclemENtB2_4Area4area",
       "<demo::shapes::Circle<u32> as demo::shapes::Area>::area"},
      {"_RNvCsauMP1AnkCw5_4demou9gre_6ka8i", "demo::größe"},
      {"_RNvCsauMP1AnkCw5_4demo5entry.llvm.99", "demo::entry"},
      // Rust legacy: without "::h<hash>".
      {"_ZN4demo5apply17heee4b3b851ef1444E", "demo::apply"},
      {"_ZN4demo13gr$uf6$$udf$e17h3008840b308aeb1eE", "demo::gr$uf6$$udf$e"},
      {"_ZN4demo6shapes15Circle$LT$T$GT$3get17hb5535a9e9b5e9949E", "demo::shapes::Circle<T>::get"},
      {"_ZN70_$LT$demo..shapes..Circle$LT$u32$GT$$u20$as$u20$demo..shapes..Area$GT$"
       "4area17h43adc8bae"
       "3c4a414E",
       "<demo::shapes::Circle<u32> as demo::shapes::Area>::area"},
      {"_ZN4demo5apply17heee4b3b851ef1444E.llvm.42", "demo::apply"},
  };
}

TEST(Demangle, KnowsTheNamesOfCompilers) {
  for (const Known& known : KnownNames()) {
    EXPECT_EQ(Demangle(known.mangled).value_or("nothing"), known.readable) << known.mangled;
  }
}

TEST(Demangle, OtherNamesStayAsTheyAre) {
  for (const char* name :
       {"", "main", "_Z", "_R", "_ZZ", "foo.isra.0", "_start", "_Reg_to_mem", "_Zebra", "Z3foov",
        // A whole C++ name with something behind it that is none.
        "_Z3foo_bar", "_Z3fooi!", "_Z3fooXYZ", "_ZN3foo", "_RNvC3foo", "_Z999999999foo",
        "_ZN3foo\xff"
        "3barEv",
        "_Z3foov\n", "_Z3foo v"}) {
    EXPECT_EQ(Demangle(name), std::nullopt) << name;
  }
  EXPECT_EQ(Demangle(std::string_view("_Z3foov\0x", 9)), std::nullopt);
}

TEST(Demangle, EveryPrefixAndEveryChangedLetterEndsWell) {
  for (const Known& known : KnownNames()) {
    for (size_t length = 0; length < known.mangled.size(); ++length) {
      std::optional<std::string> text = Demangle(known.mangled.substr(0, length));
      EXPECT_TRUE(!text || !text->empty());
    }
    for (size_t i = 0; i < known.mangled.size(); ++i) {
      for (char letter : {'E', 'I', 'S', 'T', '_', '9', 'B', '\0', '\xff'}) {
        std::string changed = known.mangled;
        changed[i] = letter;
        std::optional<std::string> text = Demangle(changed);
        EXPECT_TRUE(!text || !text->empty());
      }
    }
  }
}

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string Digits(uint64_t number, uint64_t base, std::string_view digits) {
  std::string text;
  do {
    text.insert(text.begin(), digits[number % base]);
    number /= base;
  } while (number != 0);
  return text;
}

// The reference to the substitution `index` of C++: S_, S0_, S1_ ...
std::string CppReference(uint64_t index) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return index == 0 ? "S_" : "S" + Digits(index - 1, 36, kDigits) + "_";
}

// A<int, int>, then A of two of the one before, `levels` times: 2^levels of text.
std::string DoubledCppTypes(uint64_t levels) {
  std::string types = "1AIiiE";
  for (uint64_t i = 1; i <= levels; ++i) {
    types += "S_I" + CppReference(i) + CppReference(i) + "E";
  }
  return types;
}

// Tuples of two of the one before, by back references: 2^levels of text.
std::string DoubledRustTypes(uint64_t levels) {
  constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  auto reference = [&](uint64_t offset) {
    return "B" + (offset == 0 ? "_" : Digits(offset - 1, 62, kDigits) + "_");
  };
  std::string name = "INvC1a1f";
  uint64_t last = name.size();
  name += "TllE";
  for (uint64_t i = 0; i < levels; ++i) {
    uint64_t next = name.size();
    name += "T" + reference(last) + reference(last) + "E";
    last = next;
  }
  return "_R" + name + "E";
}

TEST(Demangle, TooLongNamesStayAsTheyAre) {
  std::string fits = "_Z" + std::to_string(900) + std::string(900, 'a') + "v";
  EXPECT_EQ(Demangle(fits), std::string(900, 'a'));
  std::string too_long =
      "_Z" + std::to_string(kMaxMangledCppBytes) + std::string(kMaxMangledCppBytes, 'a') + "v";
  EXPECT_EQ(Demangle(too_long), std::nullopt);
  // Short ones with a long readable form: 2^5 and 2^16 times.
  EXPECT_NE(Demangle("_Z1fI" + DoubledCppTypes(5) + "Evv"), std::nullopt);
  EXPECT_EQ(Demangle("_Z1fI" + DoubledCppTypes(16) + "Evv"), std::nullopt);
  EXPECT_NE(Demangle(DoubledRustTypes(5)), std::nullopt);
  EXPECT_EQ(Demangle(DoubledRustTypes(16)), std::nullopt);
}

TEST(Demangle, DeepNamesEndWell) {
  for (size_t depth : {100U, 1000U, 4000U}) {
    for (const std::string& name : std::vector<std::string>{
             "_Z1f" + Repeat("P", depth) + "i", "_Z1f" + Repeat("F", depth) + "v",
             "_Z1f" + Repeat("1AI", depth) + "i" + Repeat("E", depth),
             "_Z" + Repeat("Z", depth) + "1fv", "_ZN" + Repeat("1a", depth) + "E",
             "_Z1fI" + Repeat("J", depth) + Repeat("E", depth) + "EvT_",
             "_Z1fIX" + Repeat("ng", depth) + "Li1EEEvv", "_R" + Repeat("Nv", depth) + "C1a",
             "_RINvC1a1f" + Repeat("R", depth) + "lE", "_RINvC1a1f" + Repeat("T", depth) + "E",
             "_RNv" + Repeat("M", depth) + "C1a", "_RNvB_1a"}) {
      Demangle(name);
    }
  }
}

// Names that nobody sees the end of.
std::vector<std::string> EndlessNames() {
  return {"_Z1fI" + DoubledCppTypes(60) + "Evv", "_Z1fIJ" + DoubledCppTypes(60) + "EEvDpT_",
          DoubledRustTypes(60)};
}

TEST(DemangleMany, EndlessNamesCostOnlyThemselves) {
  std::vector<std::string> texts = {"_Z1av"};
  for (const std::string& name : EndlessNames()) {
    texts.push_back(name);
    texts.push_back("_Z1bv");
  }
  std::vector<std::string_view> names(texts.begin(), texts.end());
  DemangledNames demangled = DemangledNames::Of(names);
  EXPECT_EQ(demangled.given_up(), EndlessNames().size());
  EXPECT_EQ(demangled.not_tried(), 0U);
  EXPECT_EQ(demangled.At(0), "a");
  for (size_t i = 1; i < names.size(); ++i) {
    EXPECT_EQ(demangled.At(i), i % 2 == 0 ? std::optional<std::string_view>("b") : std::nullopt);
  }
  EXPECT_EQ(demangled.At(names.size()), std::nullopt);
}

// CPU time of this process's children, and of theirs, that have ended.
double ChildrenSeconds() {
  struct rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

TEST(DemangleMany, VeryManyEndlessNamesAreNotAllTried) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back("_Z" + std::to_string(std::to_string(i).size() + 1) + "f" + std::to_string(i) +
                    "I" + DoubledCppTypes(60) + "Evv");
  }
  texts.push_back("_Z1bv");
  std::vector<std::string_view> names(texts.begin(), texts.end());
  double seconds = -ChildrenSeconds();
  DemangledNames demangled = DemangledNames::Of(names);
  seconds += ChildrenSeconds();
  EXPECT_GT(demangled.given_up(), 5U);
  EXPECT_EQ(demangled.given_up() + demangled.not_tried(), names.size());
  EXPECT_LT(seconds, 5);
}

TEST(DemangleMany, TextsHaveALimitOfTheirOwn) {
  std::vector<std::string> readable;
  for (int i = 0; i < 40000; ++i) {
    std::string number = std::to_string(100000 + i);
    readable.push_back("_Z7f" + number + "I" + DoubledCppTypes(7) + "Evv");
  }
  std::vector<std::string_view> names(readable.begin(), readable.end());
  DemangledNames demangled = DemangledNames::Of(names);
  size_t texts = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (auto text = demangled.At(i)) {
      ++texts;
      bytes += text->size();
    }
  }
  EXPECT_GT(texts, 1000U);
  EXPECT_LE(bytes, 32U << 20);
  EXPECT_EQ(texts + demangled.not_tried(), names.size());
}

TEST(DemangleMany, NothingGivesNothing) {
  DemangledNames demangled = DemangledNames::Of({});
  EXPECT_EQ(demangled.At(0), std::nullopt);
  EXPECT_EQ(demangled.given_up() + demangled.not_tried(), 0U);
}

// One thread with a sample of 10 ms in each of these functions.
std::string CaptureOf(const std::vector<std::string>& functions) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 1);
  for (const std::string& function : functions) {
    maker.Cpu(thread, maker.Stack({"main", function}), StackId(), 1);
  }
  maker.EndInterval();
  return maker.Finish();
}

RunResult Show(const std::string& capture, std::vector<std::string> words) {
  words.push_back(WriteTemporary("names.twofold", capture));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(DemangledViews, FoldShowsReadableNamesAndMergesThem) {
  // Two overloads, a clone, and one Rust function under both manglings.
  std::string capture =
      CaptureOf({"_Z3fooi", "_Z3food", "_Z3fooi.isra.0", "_ZN4demo5apply17heee4b3b851ef1444E",
                 "_ZN4demo5apply17h43adc8bae3c4a414E", "_RNvCsauMP1AnkCw5_4demo5apply", "plain"});
  EXPECT_EQ(Show(capture, {"fold"}).output,
            "app;main;demo::apply 30000\n"
            "app;main;foo 20000\n"
            "app;main;foo.isra.0 10000\n"
            "app;main;plain 10000\n");
  EXPECT_EQ(Show(capture, {"fold"}).words, "");
  EXPECT_EQ(Show(capture, {"fold", "--no-demangle"}).output,
            "app;main;_RNvCsauMP1AnkCw5_4demo5apply 10000\n"
            "app;main;_Z3food 10000\n"
            "app;main;_Z3fooi 10000\n"
            "app;main;_Z3fooi.isra.0 10000\n"
            "app;main;_ZN4demo5apply17h43adc8bae3c4a414E 10000\n"
            "app;main;_ZN4demo5apply17heee4b3b851ef1444E 10000\n"
            "app;main;plain 10000\n");
}

TEST(DemangledViews, FlameShowsThemToo) {
  std::string capture = CaptureOf({"_Z4sortIiEvPT_S1_", "_ZN3app3runEi"});
  std::string picture = Show(capture, {"flame"}).output;
  EXPECT_THAT(picture, HasSubstr("sort&lt;int&gt;"));
  EXPECT_THAT(picture, HasSubstr("app::run"));
  EXPECT_THAT(picture, Not(HasSubstr("_Z")));
  picture = Show(capture, {"flame", "--no-demangle"}).output;
  EXPECT_THAT(picture, HasSubstr("_Z4sortIiEvPT_S1_"));
  EXPECT_THAT(picture, Not(HasSubstr("app::run")));
}

// A wait and its waker, both in C++.
std::string CaptureWithLongest() {
  CaptureMaker maker;
  maker.recording().settings.wakers = 1;
  ThreadId sleeper = maker.AddThread("sleeper", 1);
  ThreadId waker = maker.AddThread("waker", 2);
  Exemplar exemplar;
  exemplar.kind = ExemplarKind::kInterruptible;
  exemplar.thread = sleeper;
  exemplar.state = BlockState::kInterruptible;
  exemplar.start_ns = 100 * kMillisecondNs;
  exemplar.end_ns = 300 * kMillisecondNs;
  exemplar.user_stack = maker.Stack({"main", "_ZN3app5QueueIiE3popEv"});
  exemplar.kernel_stack = maker.Stack({"k:futex_wait"});
  exemplar.chain =
      maker.Chain({maker.Task(waker, maker.Stack({"_ZN3app5QueueIiE4pushEi"}), StackId())});
  maker.interval().exemplars.push_back(exemplar);
  maker.EndInterval();
  return maker.Finish();
}

TEST(DemangledViews, LongestShowsThemInEveryFormat) {
  std::string capture = CaptureWithLongest();
  for (const char* format : {"table", "csv", "json"}) {
    std::vector<std::string> words = {"table", "--view", "longest", "--format", format};
    std::string text = Show(capture, words).output;
    EXPECT_THAT(text, HasSubstr("app::Queue<int>::pop")) << format;
    EXPECT_THAT(text, HasSubstr("app::Queue<int>::push")) << format;
    EXPECT_THAT(text, Not(HasSubstr("_Z"))) << format;
    words.emplace_back("--no-demangle");
    text = Show(capture, words).output;
    EXPECT_THAT(text, HasSubstr("_ZN3app5QueueIiE3popEv")) << format;
    EXPECT_THAT(text, HasSubstr("_ZN3app5QueueIiE4pushEi")) << format;
    EXPECT_THAT(text, Not(HasSubstr("app::"))) << format;
  }
  RunResult wrong = RunTwofold({"table", "--no-demangle", "names.twofold"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.words, HasSubstr("--no-demangle"));
}

TEST(DemangledViews, SqlHasNamesAsTheyAreInTheFile) {
  std::string path = WriteTemporary("names.twofold", CaptureOf({"_ZN3app3runEi"}));
  RunResult result = RunTwofold({"sql", path, "SELECT name FROM frame_name ORDER BY name"});
  EXPECT_THAT(result.output, HasSubstr("_ZN3app3runEi"));
  EXPECT_THAT(result.output, Not(HasSubstr("app::run")));
}

TEST(DemangledViews, ADatabaseGivesTheSame) {
  std::string path =
      WriteTemporary("names.twofold", CaptureOf({"_Z3fooi", "_Z3food", "_ZN3app3runEi"}));
  std::string database = TemporaryPath("demangled.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, path}).status, 0);
  EXPECT_EQ(RunTwofold({"fold", database}).output, RunTwofold({"fold", path}).output);
}

// Every line is "frames value", with these many frames.
TEST(DemangledViews, FoldedLinesKeepTheirForm) {
  // U+202E turns the direction of text, and a semicolon parts frames.
  std::vector<std::string> functions = {"_ZN4demo11x$u202e$y$z17heee4b3b851ef1444E",
                                        "_ZN4demo10a$u3b$b$LT$17heee4b3b851ef1444E",
                                        "_ZN4demo8n$ua$m$C17heee4b3b851ef1444E",
                                        "_Z3fooIXadL_Z1gvEEEvv.is;ra.0",
                                        "_Z4sortIiEvPT_S1_.x y",
                                        "_Z3foov.\x1b[2J"};
  std::string text = Show(CaptureOf(functions), {"fold"}).output;
  EXPECT_EQ(size_t(std::count(text.begin(), text.end(), '\n')), functions.size());
  EXPECT_EQ(size_t(std::count(text.begin(), text.end(), ';')), 2 * functions.size());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    EXPECT_EQ(text.substr(start, 9), "app;main;");
    EXPECT_EQ(text.substr(text.rfind(' ', end), end - text.rfind(' ', end)), " 10000");
    start = end + 1;
  }
}

TEST(DemangledViews, EndlessNamesStayMangledAndAreCounted) {
  std::vector<std::string> functions = EndlessNames();
  functions.push_back("_ZN3app3runEi");
  std::string capture = CaptureOf(functions);
  RunResult result = Show(capture, {"fold"});
  EXPECT_EQ(result.words,
            "twofold: 3 names are shown mangled: making more of them readable would take too "
            "long\n");
  EXPECT_THAT(result.output, HasSubstr("app;main;app::run 10000\n"));
  for (const std::string& name : EndlessNames()) {
    EXPECT_THAT(result.output, HasSubstr("app;main;" + name + " 10000\n"));
  }
  EXPECT_EQ(Show(capture, {"fold", "--no-demangle"}).words, "");
  EXPECT_EQ(Show(capture, {"fold"}).output, result.output);
}

// The worst that fits into a megabyte: within 10 seconds and 512 MiB, however many names it holds.
TEST(DemangledViews, AMegabyteOfHarmDoesNone) {
  for (uint64_t levels : {5U, 7U, 60U}) {
    CaptureMaker maker({"cpu"});
    ThreadId thread = maker.AddThread("app", 1);
    for (int i = 0; i < 60000; ++i) {
      std::string number = std::to_string(100000 + i);
      std::string function = "_Z7f" + number + "I" + DoubledCppTypes(levels) + "Evv";
      maker.Cpu(thread, maker.Stack({function}), StackId(), 1);
    }
    maker.EndInterval();
    std::string capture = maker.Finish();
    EXPECT_LT(capture.size(), 1U << 20);
    // Of CPU time: tests run beside others.
    double seconds = -ChildrenSeconds();
    RunResult result = Show(capture, {"fold"});
    seconds += ChildrenSeconds();
    struct rusage usage = {};
    getrusage(RUSAGE_CHILDREN, &usage);
    double peak_mib = double(usage.ru_maxrss) / 1024;
    std::printf("    2^%d: %zu bytes, %.2f s, %.0f MiB\n", int(levels), capture.size(), seconds,
                peak_mib);
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 60000);
    EXPECT_EQ(result.words.empty(), levels == 5);
    EXPECT_LT(seconds, 10);
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_LT(peak_mib, 512);
#endif
  }
}

TEST(ShortenJavaName, LeavesClassAndMethod) {
  const std::pair<const char*, const char*> cases[] = {
      {"void Archive.compress(byte[])", "Archive.compress"},
      {"int sun.nio.ch.IOUtil.write(java.io.FileDescriptor, long)", "sun.nio.ch.IOUtil.write"},
      {"void java.lang.String.<init>(byte[])", "java.lang.String.<init>"},
      {"byte[] Lambda$14/0x0000000800c03000.run()", "Lambda$14/0x0000000800c03000.run"},
      // Names of other runtimes and languages.
      {"Interpreter", "Interpreter"},
      {"StubRoutines (1)", "StubRoutines (1)"},
      {"LazyCompile:*words file:///a.js:12:3", "LazyCompile:*words file:///a.js:12:3"},
      {"py::main:/app/a.py", "py::main:/app/a.py"},
      {"burn(int (*)(char), long)", "burn(int (*)(char), long)"},
      {"void std::sort<int*>(int*, int*)", "void std::sort<int*>(int*, int*)"},
      {"main.(*T).run", "main.(*T).run"},
      {"a b.(x)", "a b.(x)"},
      {"a .b(x)", "a .b(x)"},
      {" a.b(x)", " a.b(x)"},
      {"", ""},
      {")", ")"},
      {"()", "()"},
  };
  for (const auto& [name, shown] : cases) EXPECT_EQ(ShortenJavaName(name), shown);
}

}  // namespace
}  // namespace twofold::testing
