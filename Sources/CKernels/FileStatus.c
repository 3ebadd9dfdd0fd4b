#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "FileStatus.h"

#include <fcntl.h>
#include <sys/stat.h>

int64_t stoa_link_count(int descriptor) {
#if defined(STATX_NLINK) && defined(AT_EMPTY_PATH)
  struct statx extended;
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_NLINK, &extended) == 0) return (int64_t)extended.stx_nlink;
  // A file system or sandbox without statx: the old way knows as well.
#endif
  struct stat status;
  return fstat(descriptor, &status) == 0 ? (int64_t)status.st_nlink : -1;
}
