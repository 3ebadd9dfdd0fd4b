// Scans over delimited text, 64 bytes at a time: what a CSV reader does for every byte.
#ifndef STOA_TEXT_SCAN_H
#define STOA_TEXT_SCAN_H

#include <stddef.h>
#include <stdint.h>

/// What a stretch of text contains.
typedef struct {
  /// Bytes equal to the newline asked about.
  uint64_t newline_count;
  /// 1 when the quote asked about occurs.
  uint8_t has_quote;
  /// 1 when a zero byte occurs.
  uint8_t has_nul;
  /// 1 when a byte above 127 occurs.
  uint8_t has_high;
} stoa_text_survey;

/// Surveys `count` bytes in one pass at memory speed.
stoa_text_survey stoa_survey_text(
  const uint8_t *text, size_t count, uint8_t newline, uint8_t quote);

/// Writes the offset of every `delimiter` and `newline` in text[begin, end) to `ends`, ascending, until the end or
/// until fewer than 64 of `capacity` slots are left, and returns how many. `*newline_count` is how many of them
/// are newlines. Reads up to 63 bytes past `end`; writes at most `capacity` slots.
size_t stoa_find_field_ends(
  const uint8_t *text, size_t begin, size_t end, uint8_t delimiter, uint8_t newline,
  uint32_t *ends, size_t capacity, size_t *newline_count);

/// Offset of the last `byte` in text[0, count), or -1.
ptrdiff_t stoa_last_byte(const uint8_t *text, size_t count, uint8_t byte);

#endif
