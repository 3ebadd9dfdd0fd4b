// Filters on unpacked values of 8 and 16 bits: positions out. Only for processors that can compress vectors of 16-bit
// values (AVX-512 VBMI2); callers have loops of their own for the others.
#ifndef STOA_SELECTION_H
#define STOA_SELECTION_H

#include <stddef.h>
#include <stdint.h>

/// Bits of the largest set that fits the registers; sets are that many bits, zero where nothing is said.
#define STOA_SET_BITS 4096

/// 1 when the functions below may be called.
int stoa_can_select(void);

/// Sets bit k of `bits` when flags[k] is not 0, for k < count; count is a multiple of 64.
void stoa_pack_flags(const uint8_t *flags, size_t count, uint64_t *bits);

/// Writes `first + k` for every k < count with flags[k] not 0, ascending, and returns how many. Writes up to
/// 31 values past the last.
size_t stoa_emit_flags(const uint8_t *flags, size_t count, uint16_t first, uint16_t *out);

/// Writes `first + k` for every k < count whose value is in `set`, as `stoa_emit_flags` does. The first 256 bits of the
/// set count.
size_t stoa_select_set8(
  const uint8_t *values, size_t count, const uint64_t *set, uint16_t first, uint16_t *out);

/// The same for values below `bitCount`, which is 1024, 2048 or 4096: the fewer, the faster.
size_t stoa_select_set16(
  const uint16_t *values, size_t count, const uint64_t *set, size_t bitCount, uint16_t first,
  uint16_t *out);

#endif
