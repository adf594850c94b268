/// Identity of a file, whatever path leads to it.
package struct FileIdentity: Hashable, Sendable {
    /// The file system's number.
    package let device: UInt64
    /// The file's number in it.
    package let inode: UInt64

    /// A file by its numbers.
    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}
