#define _GNU_SOURCE
#include "CKernels.h"

#include <string.h>

const void *stoa_find(
    const void *haystack, size_t haystackLength, const void *needle, size_t needleLength) {
  return memmem(haystack, haystackLength, needle, needleLength);
}
