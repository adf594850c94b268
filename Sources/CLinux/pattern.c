#include "include/pattern.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static const char library[] = "libpcre2-8.so.0";

// What a hostile body may cost. PCRE2 counts the steps from 0 again at each place at which a match may begin, so only the time
// bounds a whole search; the heap's limit bounds the depth, too.
enum { match_limit = 10000000, heap_limit_kib = 8192 };
// Processor time of a search in ns: an ordinary expression takes up to 27 ns for a byte (docs/decisions, D80).
enum { search_time = 10000000, search_time_per_byte = 100, search_time_max = 150000000 };
// Steps between two looks at the clock. One step may read the whole subject.
enum { long_subject = 65536, steps_per_look = 64, steps_per_look_long = 8 };

static struct {
    pcre2_code *(*compile)(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int *, PCRE2_SIZE *, pcre2_compile_context *);
    void (*code_free)(pcre2_code *);
    int (*get_error_message)(int, PCRE2_UCHAR *, PCRE2_SIZE);
    int (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t, pcre2_match_data *,
                 pcre2_match_context *);
    pcre2_match_data *(*match_data_create)(uint32_t, pcre2_general_context *);
    PCRE2_SIZE *(*get_ovector_pointer)(pcre2_match_data *);
    pcre2_match_context *(*match_context_create)(pcre2_general_context *);
    int (*set_match_limit)(pcre2_match_context *, uint32_t);
    int (*set_callout)(pcre2_match_context *, int (*)(pcre2_callout_block *, void *), void *);
    int (*set_heap_limit)(pcre2_match_context *, uint32_t);
} pcre2;

static pcre2_match_data *match_data;
static pcre2_match_context *match_context;

static const struct {
    const char *name;
    uint32_t bit;
} options_by_name[] = {
    {"allow_empty_class", PCRE2_ALLOW_EMPTY_CLASS},
    {"alt_bsux", PCRE2_ALT_BSUX},
    {"alt_circumflex", PCRE2_ALT_CIRCUMFLEX},
    {"alt_verbnames", PCRE2_ALT_VERBNAMES},
    {"auto_callout", PCRE2_AUTO_CALLOUT},
    {"caseless", PCRE2_CASELESS},
    {"dollar_endonly", PCRE2_DOLLAR_ENDONLY},
    {"dotall", PCRE2_DOTALL},
    {"dupnames", PCRE2_DUPNAMES},
    {"extended", PCRE2_EXTENDED},
    {"firstline", PCRE2_FIRSTLINE},
    {"match_unset_backref", PCRE2_MATCH_UNSET_BACKREF},
    {"multiline", PCRE2_MULTILINE},
    {"never_backslash_c", PCRE2_NEVER_BACKSLASH_C},
    {"never_ucp", PCRE2_NEVER_UCP},
    {"never_utf", PCRE2_NEVER_UTF},
    {"no_auto_capture", PCRE2_NO_AUTO_CAPTURE},
    {"no_auto_possess", PCRE2_NO_AUTO_POSSESS},
    {"no_dotstar_anchor", PCRE2_NO_DOTSTAR_ANCHOR},
    {"no_start_optimize", PCRE2_NO_START_OPTIMIZE},
    {"ucp", PCRE2_UCP},
    {"ungreedy", PCRE2_UNGREEDY},
    {"use_offset_limit", PCRE2_USE_OFFSET_LIMIT},
    {"utf", PCRE2_UTF},
};

static void *find(void *handle, const char *name, const char **reason) {
    void *found = dlsym(handle, name);
    if (!found) *reason = dlerror();
    return found;
}

static struct {
    uint32_t steps_to_look;
    uint32_t steps_between;
    int64_t time;
    int64_t processor_began;
    // The time before which it can't have taken too much.
    int64_t end;
} search;

static int64_t clock_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// PCRE2 calls it before each item of the expression. Its own processor time counts, not what other processes take; that
// clock costs a system call, so it is asked only when the other one says that it may be over.
static int step(pcre2_callout_block *block, void *data) {
    (void)block;
    (void)data;
    if (--search.steps_to_look) return 0;
    search.steps_to_look = search.steps_between;
    int64_t now = clock_now(CLOCK_MONOTONIC);
    if (now < search.end) return 0;
    int64_t left = search.time - (clock_now(CLOCK_THREAD_CPUTIME_ID) - search.processor_began);
    search.end = now + left;
    return left > 0 ? 0 : PCRE2_ERROR_CALLOUT;
}

static void begin_search(size_t length) {
    search.steps_between = length < long_subject ? steps_per_look : steps_per_look_long;
    search.steps_to_look = search.steps_between;
    search.time = search_time_max;
    if (length < (search_time_max - search_time) / search_time_per_byte)
        search.time = search_time + (int64_t)length * search_time_per_byte;
    search.processor_began = clock_now(CLOCK_THREAD_CPUTIME_ID);
    search.end = clock_now(CLOCK_MONOTONIC) + search.time;
}

static const char *load(void) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return dlerror();
    const char *reason = NULL;
    *(void **)&pcre2.compile = find(handle, "pcre2_compile_8", &reason);
    *(void **)&pcre2.code_free = find(handle, "pcre2_code_free_8", &reason);
    *(void **)&pcre2.get_error_message = find(handle, "pcre2_get_error_message_8", &reason);
    *(void **)&pcre2.match = find(handle, "pcre2_match_8", &reason);
    *(void **)&pcre2.match_data_create = find(handle, "pcre2_match_data_create_8", &reason);
    *(void **)&pcre2.get_ovector_pointer = find(handle, "pcre2_get_ovector_pointer_8", &reason);
    *(void **)&pcre2.match_context_create = find(handle, "pcre2_match_context_create_8", &reason);
    *(void **)&pcre2.set_match_limit = find(handle, "pcre2_set_match_limit_8", &reason);
    *(void **)&pcre2.set_callout = find(handle, "pcre2_set_callout_8", &reason);
    *(void **)&pcre2.set_heap_limit = find(handle, "pcre2_set_heap_limit_8", &reason);
    if (reason) return reason;
    match_context = pcre2.match_context_create(NULL);
    if (!match_context) return "no memory";
    pcre2.set_match_limit(match_context, match_limit);
    pcre2.set_heap_limit(match_context, heap_limit_kib);
    pcre2.set_callout(match_context, step, NULL);
    match_data = pcre2.match_data_create(1, NULL);
    return match_data ? NULL : "no memory";
}

// It is tried once: what can't be loaded then can't be later either, and behind a seal it mustn't be tried.
const char *hasup_pattern_load(void) {
    static int is_tried;
    static char failure[256];
    if (!is_tried) {
        is_tried = 1;
        const char *reason = load();
        if (reason) snprintf(failure, sizeof failure, "%s", reason);
    }
    return failure[0] ? failure : NULL;
}

static uint32_t bits_of(const char *options) {
    uint32_t bits = 0;
    for (const char *name = options; *name;) {
        size_t length = strcspn(name, " ");
        for (size_t i = 0; i < sizeof options_by_name / sizeof options_by_name[0]; i++)
            if (strlen(options_by_name[i].name) == length && !strncmp(name, options_by_name[i].name, length))
                bits |= options_by_name[i].bit;
        name += length;
        name += strspn(name, " ");
    }
    return bits;
}

void *hasup_pattern_compile(
    const void *expression, size_t length, const char *options, char *error, size_t error_size) {
    if (!match_data) {
        snprintf(error, error_size, "PCRE2 isn't loaded");
        return NULL;
    }
    int code = 0;
    PCRE2_SIZE place = 0;
    pcre2_code *pattern = pcre2.compile(expression, length, bits_of(options) | PCRE2_AUTO_CALLOUT, &code, &place, NULL);
    if (!pattern) {
        char words[200] = "";
        pcre2.get_error_message(code, (PCRE2_UCHAR *)words, sizeof words);
        snprintf(error, error_size, "%s, at byte %zu", words, (size_t)place);
    }
    return pattern;
}

void hasup_pattern_destroy(void *pattern) {
    if (pattern) pcre2.code_free(pattern);
}

int64_t hasup_pattern_search(const void *pattern, const void *subject, size_t length, size_t start) {
    if (start > length) return HASUP_PATTERN_NONE;
    begin_search(length - start);
    int code = pcre2.match(pattern, subject, length, start, 0, match_data, match_context);
    // 0: the place is known, but there was no room for the groups.
    if (code >= 0) return (int64_t)pcre2.get_ovector_pointer(match_data)[0];
    switch (code) {
    case PCRE2_ERROR_CALLOUT:
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY:
        return HASUP_PATTERN_TOO_EXPENSIVE;
    default:
        return HASUP_PATTERN_NONE;
    }
}
