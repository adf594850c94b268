// Regular expressions of PCRE2, which is loaded only where a check has one (docs/decisions, D80).
#ifndef HASUP_PATTERN_H
#define HASUP_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/// Loads the library, the first time. Returns NULL, or the reason why it can't be loaded.
const char *hasup_pattern_load(void);

/// Compiles an expression. `options` are names of PCRE2's, in lower case, without `PCRE2_`, with blanks between them. Returns
/// NULL when it doesn't compile; then `error` has the library's words.
void *hasup_pattern_compile(
    const void *expression, size_t length, const char *options, char *error, size_t error_size);

void hasup_pattern_destroy(void *pattern);

enum { HASUP_PATTERN_NONE = -1, HASUP_PATTERN_TOO_EXPENSIVE = -2 };

/// Searches from `start` on. Returns the place at which the first match begins, or one of the above.
int64_t hasup_pattern_search(const void *pattern, const void *subject, size_t length, size_t start);

#endif
