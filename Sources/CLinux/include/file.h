// What the kernel says about files, as numbers.
#ifndef HASUP_FILE_H
#define HASUP_FILE_H

/// Returns whether an access control list (acl(5)) says more about a file or folder than its mode: 1 or 0, or -errno. A
/// symbolic link isn't followed; it has none.
int hasup_has_access_list(const char *path);

#endif
