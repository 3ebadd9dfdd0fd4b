// Structural scans of delimited text by 64-byte masks. The idea of turning comparisons into bit masks and walking the
// set bits is from Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 2019.
#include "TextScan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__) && defined(__linux__)
#define STOA_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define STOA_CLONES
#endif

STOA_CLONES
stoa_text_survey stoa_survey_text(
  const uint8_t *text, size_t count, uint8_t newline, uint8_t quote) {
  uint64_t newlines = 0;
  uint8_t quotes[64] = {0}, nuls[64] = {0}, highs[64] = {0};
  size_t at = 0;
  while (count - at >= 64) {
    // Byte counters overflow after 255 blocks.
    uint8_t counts[64] = {0};
    size_t blocks = (count - at) / 64;
    if (blocks > 255) blocks = 255;
    for (size_t block = 0; block < blocks; block++, at += 64) {
      const uint8_t *p = text + at;
      for (int k = 0; k < 64; k++) {
        counts[k] += p[k] == newline;
        quotes[k] |= p[k] == quote;
        nuls[k] |= p[k] == 0;
        highs[k] |= p[k];
      }
    }
    for (int k = 0; k < 64; k++) newlines += counts[k];
  }
  stoa_text_survey result = {0, 0, 0, 0};
  for (; at < count; at++) {
    newlines += text[at] == newline;
    quotes[0] |= text[at] == quote;
    nuls[0] |= text[at] == 0;
    highs[0] |= text[at];
  }
  uint8_t high = 0;
  for (int k = 0; k < 64; k++) {
    result.has_quote |= quotes[k];
    result.has_nul |= nuls[k];
    high |= highs[k];
  }
  result.newline_count = newlines;
  result.has_high = high >> 7;
  return result;
}

ptrdiff_t stoa_last_byte(const uint8_t *text, size_t count, uint8_t byte) {
  for (size_t at = count; at > 0; at--)
    if (text[at - 1] == byte) return (ptrdiff_t)at - 1;
  return -1;
}

#define STOA_FIELD_END_LOOP(MASKS)                                   \
  size_t found = 0, lines = 0, at = begin;                           \
  while (at < end && found + 64 <= capacity) {                       \
    uint64_t delimiters, newlines;                                   \
    MASKS;                                                           \
    if (end - at < 64) {                                             \
      uint64_t inside = ((uint64_t)1 << (end - at)) - 1;             \
      delimiters &= inside;                                          \
      newlines &= inside;                                            \
    }                                                                \
    lines += (size_t)__builtin_popcountll(newlines);                 \
    uint64_t mask = delimiters | newlines;                           \
    while (mask) {                                                   \
      ends[found++] = (uint32_t)(at + (size_t)__builtin_ctzll(mask)); \
      mask &= mask - 1;                                              \
    }                                                                \
    at += 64;                                                        \
  }                                                                  \
  *newline_count = lines;                                            \
  return found;

#if defined(__x86_64__)

__attribute__((target("avx512f,avx512bw,bmi,popcnt"))) static size_t find_avx512(
  const uint8_t *text, size_t begin, size_t end, uint8_t delimiter, uint8_t newline,
  uint32_t *ends, size_t capacity, size_t *newline_count) {
  const __m512i d = _mm512_set1_epi8((char)delimiter), n = _mm512_set1_epi8((char)newline);
  STOA_FIELD_END_LOOP({
    const __m512i v = _mm512_loadu_si512(text + at);
    delimiters = _mm512_cmpeq_epi8_mask(v, d);
    newlines = _mm512_cmpeq_epi8_mask(v, n);
  })
}

__attribute__((target("avx2,bmi,popcnt"))) static size_t find_avx2(
  const uint8_t *text, size_t begin, size_t end, uint8_t delimiter, uint8_t newline,
  uint32_t *ends, size_t capacity, size_t *newline_count) {
  const __m256i d = _mm256_set1_epi8((char)delimiter), n = _mm256_set1_epi8((char)newline);
  STOA_FIELD_END_LOOP({
    const __m256i low = _mm256_loadu_si256((const __m256i *)(text + at));
    const __m256i high = _mm256_loadu_si256((const __m256i *)(text + at + 32));
    delimiters = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, d)) |
      (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, d)) << 32;
    newlines = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, n)) |
      (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, n)) << 32;
  })
}

#endif

/// Bit k is set when byte k of `word` is zero. Exact, unlike the shorter form that borrows across bytes.
static inline uint64_t zero_bytes(uint64_t word) {
  const uint64_t low = 0x7f7f7f7f7f7f7f7fULL;
  uint64_t zeros = ~(((word & low) + low) | word | low);
  return (zeros >> 7) * 0x0102040810204080ULL >> 56;
}

static size_t find_portable(
  const uint8_t *text, size_t begin, size_t end, uint8_t delimiter, uint8_t newline,
  uint32_t *ends, size_t capacity, size_t *newline_count) {
  const uint64_t d = 0x0101010101010101ULL * delimiter, n = 0x0101010101010101ULL * newline;
  STOA_FIELD_END_LOOP({
    delimiters = 0;
    newlines = 0;
    for (int k = 0; k < 8; k++) {
      uint64_t word;
      memcpy(&word, text + at + 8 * k, 8);
      delimiters |= zero_bytes(word ^ d) << (8 * k);
      newlines |= zero_bytes(word ^ n) << (8 * k);
    }
  })
}

size_t stoa_find_field_ends(
  const uint8_t *text, size_t begin, size_t end, uint8_t delimiter, uint8_t newline,
  uint32_t *ends, size_t capacity, size_t *newline_count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw"))
    return find_avx512(text, begin, end, delimiter, newline, ends, capacity, newline_count);
  if (__builtin_cpu_supports("avx2"))
    return find_avx2(text, begin, end, delimiter, newline, ends, capacity, newline_count);
#endif
  return find_portable(text, begin, end, delimiter, newline, ends, capacity, newline_count);
}
