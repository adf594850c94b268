"""A file system that never answers: a FUSE mount whose requests nobody reads, or reads and never answers."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
MNT_FORCE = 1


class DeadFileSystem:
    """Mounted on a folder; whoever looks at a path below it waits until the mount is aborted."""

    def __init__(self, folder, reads=False):
        """`reads`: the request is taken, so that not even SIGKILL ends who waits for it."""
        self.folder = folder
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0"
        if _libc.mount(b"dead", folder.encode(), b"fuse", 0, options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(self._device)
            raise OSError(error, "mount")
        if reads:
            self._answer_first()

    def _answer_first(self):
        """Answers the kernel's first message (FUSE_INIT, version 7.31), so that it sends the others."""
        request = os.read(self._device, 1 << 17)
        unique = request[8:16]
        body = b"".join(number.to_bytes(4, "little") for number in (7, 31, 0, 0)) + b"\0" * 4 \
            + (1 << 16).to_bytes(4, "little") + b"\0" * 40
        os.write(self._device, (16 + len(body)).to_bytes(4, "little") + b"\0" * 4 + unique + body)

    def take(self):
        """Takes a request, which is never answered."""
        return os.read(self._device, 1 << 17)

    def close(self):
        """Aborts all requests and unmounts, once."""
        if self._device is None:
            return
        os.close(self._device)
        self._device = None
        _libc.umount2(self.folder.encode(), MNT_FORCE)
