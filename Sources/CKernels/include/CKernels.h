// What Swift cannot say: prefetch hints, constants the importer drops, CPU dispatch.
#ifndef STOA_CKERNELS_H
#define STOA_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "FileStatus.h"
#include "Selection.h"
#include "TextScan.h"

/// Asks the processor to fetch the cache line at `address`; never faults.
static inline __attribute__((always_inline)) void stoa_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// First occurrence of the needle (at least one byte) in the haystack, or NULL.
const void *stoa_find(const void *haystack, size_t haystackLength, const void *needle, size_t needleLength);

/// Tells the processor that this is a spin loop.
static inline __attribute__((always_inline)) void stoa_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// The number of the time zone that this thread works in, 0 at first. See TimeZone.swift.
uint32_t stoa_time_zone(void);
void stoa_set_time_zone(uint32_t number);

#endif
