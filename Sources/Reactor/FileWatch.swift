import CLinux

package enum FileChange: Hashable, Sendable {
    /// The file is to be looked at again.
    case file
    /// The folder was removed or moved away: nothing more is reported.
    case folderGone
}

/// Reports when one file may have changed: it was written and closed, replaced, moved or removed. The folder is what is
/// watched, so the file needn't exist (inotify(7)).
package final class FileWatch {
    private let descriptor: Descriptor
    private let loop: EventLoop
    private var watch: Watch?

    /// Watches a file; the path is absolute. - Throws: `SystemError` when its folder isn't there.
    package init(path: String, on loop: EventLoop, handler: @escaping (FileChange) -> Void) throws(SystemError) {
        let parts = path.split(separator: "/")
        let name = parts.last.map(String.init) ?? ""
        let folder = "/" + parts.dropLast().joined(separator: "/")
        self.loop = loop
        descriptor = try owned(hasup_folder_watch(folder), "watch the folder \(folder)")
        let number = descriptor.number
        watch = try loop.add(number) { [weak self] _ in
            let changes = hasup_folder_changes(number, name)
            if changes < 0 || changes & Int32(HASUP_FOLDER_GONE) != 0 {
                self?.end()
                handler(.folderGone)
            } else if changes & Int32(HASUP_FILE_CHANGED) != 0 {
                handler(.file)
            }
        }
    }

    private func end() {
        if let watch { loop.remove(watch) }
        watch = nil
    }

    deinit { end() }
}
