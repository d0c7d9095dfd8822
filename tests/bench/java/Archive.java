// A small archiver, as a workload whose stacks go through every layer of a JVM: two threads read a file, count its words,
// compress it and write the result several times, until the time is up. Reading and writing go from Java through libnio
// and libc into the kernel; counting leaves garbage for the collector; all of it is compiled while it runs.
//
// usage: java Archive SECONDS FOLDER
//
// It makes its own input in FOLDER, and prints what it did.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;

public class Archive {
  private static final int FILE_BYTES = 1 << 17;
  private static final int BLOCK_BYTES = 1 << 14;
  private static final int COPIES = 100;

  private final int number;
  private final long endNs;
  private final Path folder;
  private final int[] seen = new int[1 << 14];
  private long bytesRead;
  private long bytesWritten;
  private long words;

  private Archive(int number, long endNs, Path folder) {
    this.number = number;
    this.endNs = endNs;
    this.folder = folder;
  }

  public static void main(String[] arguments) throws Exception {
    long endNs = System.nanoTime() + (long) (Double.parseDouble(arguments[0]) * 1e9);
    Path folder = Path.of(arguments[1]);
    Path text = folder.resolve("text");
    Files.write(text, makeText());
    List<Archive> archives = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int number = 0; number < 2; ++number) {
      Archive archive = new Archive(number, endNs, folder);
      archives.add(archive);
      threads.add(new Thread(() -> archive.work(text), "archiver"));
    }
    for (Thread thread : threads) thread.start();
    for (Thread thread : threads) thread.join();
    long read = 0;
    long written = 0;
    long words = 0;
    for (Archive archive : archives) {
      read += archive.bytesRead;
      written += archive.bytesWritten;
      words += archive.words;
    }
    System.out.printf("read=%d written=%d words=%d%n", read, written, words);
  }

  // Lines of invented words, of which a few are frequent.
  private static byte[] makeText() {
    Random random = new Random(1);
    List<String> vocabulary = new ArrayList<>();
    for (int i = 0; i < 5000; ++i) vocabulary.add(Long.toString(Math.abs(random.nextLong() % 90000000), 36));
    StringBuilder text = new StringBuilder();
    while (text.length() < FILE_BYTES) {
      double chance = random.nextDouble();
      text.append(vocabulary.get((int) (chance * chance * chance * vocabulary.size())));
      text.append(random.nextInt(12) == 0 ? '\n' : ' ');
    }
    return text.toString().getBytes();
  }

  private void work(Path text) {
    Path target = folder.resolve("archive-" + number);
    try {
      while (System.nanoTime() < endNs) archiveOnce(text, target);
    } catch (IOException problem) {
      throw new RuntimeException(problem);
    }
  }

  private void archiveOnce(Path text, Path target) throws IOException {
    byte[] bytes = readAll(text);
    countWords(bytes);
    writeAll(target, compress(bytes));
  }

  private byte[] readAll(Path path) throws IOException {
    byte[] bytes = new byte[(int) Files.size(path)];
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK_BYTES);
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      int at = 0;
      while (at < bytes.length && channel.read(block.clear()) > 0) {
        block.flip();
        int length = Math.min(block.remaining(), bytes.length - at);
        block.get(bytes, at, length);
        at += length;
      }
    }
    bytesRead += bytes.length;
    return bytes;
  }

  private void countWords(byte[] bytes) {
    Map<String, Integer> counts = new HashMap<>();
    int begin = 0;
    for (int at = 0; at < bytes.length; ++at) {
      if (bytes[at] > ' ') continue;
      if (at > begin) counts.merge(new String(bytes, begin, at - begin), 1, Integer::sum);
      begin = at + 1;
    }
    words += counts.size();
  }

  // Replaces what came before by how far back and how long it was; then seals it.
  private byte[] compress(byte[] bytes) {
    ByteBuffer packed = ByteBuffer.allocate(2 * bytes.length + 16);
    int at = 0;
    while (at < bytes.length) {
      int candidate = at + 4 < bytes.length ? lastSeen(bytes, at) : -1;
      int length = candidate < 0 ? 0 : matchLength(bytes, candidate, at);
      if (length >= 4) {
        packed.put((byte) 0xff).putShort((short) (at - candidate)).put((byte) length);
        at += length;
      } else {
        packed.put(bytes[at++]);
      }
    }
    return seal(packed);
  }

  private int lastSeen(byte[] bytes, int at) {
    int four = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    int slot = (four * 0x9e3779b1) >>> 18;
    int candidate = seen[slot];
    seen[slot] = at;
    return candidate < at && at - candidate < 0x8000 ? candidate : -1;
  }

  private static int matchLength(byte[] bytes, int from, int at) {
    int length = 0;
    while (length < 255 && at + length < bytes.length && bytes[from + length] == bytes[at + length]) ++length;
    return length;
  }

  private static byte[] seal(ByteBuffer packed) {
    CRC32 sum = new CRC32();
    sum.update(packed.array(), 0, packed.position());
    packed.putInt((int) sum.getValue());
    return Arrays.copyOf(packed.array(), packed.position());
  }

  // Several times, as somebody would who keeps copies.
  private void writeAll(Path path, byte[] packed) throws IOException {
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK_BYTES);
    for (int copy = 0; copy < COPIES; ++copy) {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
        for (int at = 0; at < packed.length; at += BLOCK_BYTES) {
          block.clear();
          block.put(packed, at, Math.min(BLOCK_BYTES, packed.length - at));
          channel.write(block.flip());
        }
      }
    }
    bytesWritten += (long) COPIES * packed.length;
  }
}
