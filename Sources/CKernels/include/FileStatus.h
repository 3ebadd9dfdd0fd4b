#ifndef STOA_FILE_STATUS_H
#define STOA_FILE_STATUS_H

#include <stdint.h>

/// How many names the open file `descriptor` has, or -1 with errno set.
///
/// Asks for nothing but that: after a question for its times, Linux gives a file a new time of change at its next write
/// instead of one a clock tick ("multigrain timestamps"), and the next sync of any file nearby writes that inode too.
int64_t stoa_link_count(int descriptor);

#endif
