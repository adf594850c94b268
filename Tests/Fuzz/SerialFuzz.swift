import Wire

/// Bytes of a serial line: whatever has come, a frame behind it comes through whole, and what is read as frames is no more
/// than what has come.
enum SerialFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] {
        let frames: [[UInt8]] = [
            [1], [0, 0], (0..<104).map { $0 & 3 == 0 ? 0 : UInt8($0) }, [UInt8](repeating: 7, count: 600),
        ]
        return frames.map(SerialFraming.encode) + [frames.flatMap(SerialFraming.encode), frames[2]]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        var reader = SerialReader(frameMax: Heartbeat.bytesMax)
        var total = 0
        reader.take(input) { frame in
            precondition(frame.count <= Heartbeat.bytesMax, "a frame is longer than any may be")
            total += frame.count
        }
        precondition(total <= input.count, "more was read than has come")
        let whole = Array(input.prefix(Heartbeat.bytesMax))
        guard !whole.isEmpty else { return }
        var last: [UInt8] = []
        let line = SerialFraming.encode(whole)
        precondition(line.count <= SerialFraming.length(of: whole.count), "a frame is longer on the line than is said")
        line.withUnsafeBytes { reader.take($0) { last = $0 } }
        precondition(last == whole, "a frame behind noise doesn't come through")
    }
}
