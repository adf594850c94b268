#include "include/file.h"

#include <errno.h>
#include <sys/xattr.h>

int hasup_has_access_list(const char *path) {
    // The name of the attribute: linux/xattr.h, XATTR_NAME_POSIX_ACL_ACCESS.
    if (lgetxattr(path, "system.posix_acl_access", 0, 0) >= 0) return 1;
    // There is none, or the file system keeps none.
    return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
}
