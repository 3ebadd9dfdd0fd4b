// A set of up to 4,096 small numbers is 64 to 512 bytes, which fit the vector registers: the byte of 32 numbers is then
// found by permuting registers, without touching memory, and positions of the hits are written by compression.
#include "Selection.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define STOA_VECTOR \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")))
#define STOA_VECTOR_INLINE STOA_VECTOR static inline __attribute__((always_inline))

int stoa_can_select(void) {
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
    __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}

STOA_VECTOR void stoa_pack_flags(const uint8_t *flags, size_t count, uint64_t *bits) {
  for (size_t word = 0; word < count / 64; word++) {
    const __m512i v = _mm512_loadu_si512(flags + 64 * word);
    bits[word] = _mm512_test_epi8_mask(v, v);
  }
}

/// `first`, `first + 1`, … as 32 values.
STOA_VECTOR_INLINE __m512i positions_from(uint16_t first) {
  const __m512i steps = _mm512_set_epi16(
    31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,
    6, 5, 4, 3, 2, 1, 0);
  return _mm512_add_epi16(steps, _mm512_set1_epi16((short)first));
}

/// The hits among 32 positions, to `out`; returns where the next go.
STOA_VECTOR_INLINE uint16_t *put(__mmask32 hits, __m512i positions, uint16_t *out) {
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi16(hits, positions));
  return out + __builtin_popcount(hits);
}

/// The lowest `count` bits, at most 64. Loads under such a mask touch nothing past the values.
static inline uint64_t low_bits(size_t count) {
  return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

STOA_VECTOR size_t stoa_emit_flags(
  const uint8_t *flags, size_t count, uint16_t first, uint16_t *out) {
  const __m512i step = _mm512_set1_epi16(32);
  uint16_t *next = out;
  __m512i positions = positions_from(first);
  for (size_t at = 0; at < count; at += 64) {
    const __mmask64 there = low_bits(count - at);
    const __m512i v = _mm512_maskz_loadu_epi8(there, flags + at);
    const uint64_t hits = _mm512_test_epi8_mask(v, v);
    next = put((__mmask32)hits, positions, next);
    positions = _mm512_add_epi16(positions, step);
    next = put((__mmask32)(hits >> 32), positions, next);
    positions = _mm512_add_epi16(positions, step);
  }
  return (size_t)(next - out);
}

STOA_VECTOR size_t stoa_select_set8(
  const uint8_t *values, size_t count, const uint64_t *set, uint16_t first, uint16_t *out) {
  const __m512i table = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)set));
  const __m512i bits = _mm512_set1_epi64((long long)0x8040201008040201ULL);
  const __m512i step = _mm512_set1_epi16(32), seven = _mm512_set1_epi8(7);
  const __m512i low5 = _mm512_set1_epi8(31);
  uint16_t *next = out;
  __m512i positions = positions_from(first);
  for (size_t at = 0; at < count; at += 64) {
    const __mmask64 there = low_bits(count - at);
    const __m512i v = _mm512_maskz_loadu_epi8(there, values + at);
    const __m512i index = _mm512_and_si512(_mm512_srli_epi16(v, 3), low5);
    const __m512i bytes = _mm512_permutexvar_epi8(index, table);
    const __m512i bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(v, seven));
    const uint64_t hits = _mm512_test_epi8_mask(bytes, bit) & there;
    next = put((__mmask32)hits, positions, next);
    positions = _mm512_add_epi16(positions, step);
    next = put((__mmask32)(hits >> 32), positions, next);
    positions = _mm512_add_epi16(positions, step);
  }
  return (size_t)(next - out);
}

/// The loop for sets of 2^bits numbers, 10 ≤ bits ≤ 12: 128 bytes of the set answer for 1,024 numbers, higher bits of
/// a number choose among the answers.
STOA_VECTOR_INLINE size_t select16(
  const uint16_t *values, size_t count, const uint64_t *set, const int bits, uint16_t first,
  uint16_t *out) {
  __m512i tables[8];
  for (int k = 0; k < 1 << (bits - 9); k++) tables[k] = _mm512_loadu_si512(set + 8 * k);
  const __m512i one = _mm512_set1_epi16(1), seven = _mm512_set1_epi16(7);
  const __m512i bit10 = _mm512_set1_epi16(1 << 10), bit11 = _mm512_set1_epi16(1 << 11);
  const __m512i step = _mm512_set1_epi16(32);
  uint16_t *next = out;
  __m512i positions = positions_from(first);
  for (size_t at = 0; at < count; at += 32) {
    const __mmask32 there = (__mmask32)low_bits(count - at);
    const __m512i v = _mm512_maskz_loadu_epi16(there, values + at);
    const __m512i index = _mm512_srli_epi16(v, 3);
    __m512i bytes = _mm512_permutex2var_epi8(tables[0], index, tables[1]);
    if (bits >= 11)
      bytes = _mm512_mask_blend_epi16(
        _mm512_test_epi16_mask(v, bit10), bytes,
        _mm512_permutex2var_epi8(tables[2], index, tables[3]));
    if (bits >= 12) {
      const __m512i others = _mm512_mask_blend_epi16(
        _mm512_test_epi16_mask(v, bit10),
        _mm512_permutex2var_epi8(tables[4], index, tables[5]),
        _mm512_permutex2var_epi8(tables[6], index, tables[7]));
      bytes = _mm512_mask_blend_epi16(_mm512_test_epi16_mask(v, bit11), bytes, others);
    }
    const __m512i bit = _mm512_sllv_epi16(one, _mm512_and_si512(v, seven));
    const __mmask32 hits = _mm512_test_epi16_mask(bytes, bit) & there;
    next = put(hits, positions, next);
    positions = _mm512_add_epi16(positions, step);
  }
  return (size_t)(next - out);
}

STOA_VECTOR size_t stoa_select_set16(
  const uint16_t *values, size_t count, const uint64_t *set, size_t bitCount, uint16_t first,
  uint16_t *out) {
  if (bitCount <= 1024) return select16(values, count, set, 10, first, out);
  if (bitCount <= 2048) return select16(values, count, set, 11, first, out);
  return select16(values, count, set, 12, first, out);
}

#else

int stoa_can_select(void) { return 0; }

void stoa_pack_flags(const uint8_t *flags, size_t count, uint64_t *bits) {
  (void)flags, (void)count, (void)bits;
}

size_t stoa_emit_flags(const uint8_t *flags, size_t count, uint16_t first, uint16_t *out) {
  (void)flags, (void)count, (void)first, (void)out;
  return 0;
}

size_t stoa_select_set8(
  const uint8_t *values, size_t count, const uint64_t *set, uint16_t first, uint16_t *out) {
  (void)values, (void)count, (void)set, (void)first, (void)out;
  return 0;
}

size_t stoa_select_set16(
  const uint16_t *values, size_t count, const uint64_t *set, size_t bitCount, uint16_t first,
  uint16_t *out) {
  (void)values, (void)count, (void)set, (void)bitCount, (void)first, (void)out;
  return 0;
}

#endif
