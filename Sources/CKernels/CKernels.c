#define _GNU_SOURCE
#include "CKernels.h"

#include <string.h>

const void *stoa_find(
    const void *haystack, size_t haystackLength, const void *needle, size_t needleLength) {
  return memmem(haystack, haystackLength, needle, needleLength);
}

static _Thread_local uint32_t time_zone;

uint32_t stoa_time_zone(void) { return time_zone; }

void stoa_set_time_zone(uint32_t number) { time_zone = number; }
