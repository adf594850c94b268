import CLinux

/// Signals as events of the loop.
package final class Signals {
    private let descriptor: Descriptor
    private let loop: EventLoop
    private var watch: Watch?

    /// Blocks these signals and reports each to the handler. Children start with an empty mask. - Throws:
    /// `SystemError`.
    package init(_ numbers: [Int32], on loop: EventLoop, handler: @escaping (Int32) -> Void) throws(SystemError) {
        self.loop = loop
        descriptor = try owned(hasup_signals_open(numbers, Int32(numbers.count)), "open a signal descriptor")
        let number = descriptor.number
        watch = try loop.add(number) { _ in
            while true {
                let signal = hasup_signals_next(number)
                guard signal > 0 else { return }
                handler(signal)
            }
        }
    }

    deinit { if let watch { loop.remove(watch) } }
}
