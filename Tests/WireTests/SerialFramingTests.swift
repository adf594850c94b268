import Testing
import Wire

/// Frames on serial lines (docs/decisions, D104).
@Suite struct SerialFramingTests {
    private static let frameMax = 1_400

    private func frames(_ pieces: [[UInt8]], dropped: inout UInt64) -> [[UInt8]] {
        var reader = SerialReader(frameMax: Self.frameMax)
        var found: [[UInt8]] = []
        for piece in pieces { piece.withUnsafeBytes { reader.take($0) { found.append($0) } } }
        dropped = reader.dropped
        return found
    }

    private func frames(_ pieces: [UInt8]...) -> [[UInt8]] {
        var dropped: UInt64 = 0
        return frames(pieces, dropped: &dropped)
    }

    /// The examples that stand in every description of the method.
    @Test(
        arguments: [
            ([0], [1, 1]), ([0, 0], [1, 1, 1]), ([0, 0x11, 0], [1, 2, 0x11, 1]),
            ([0x11, 0x22, 0, 0x33], [3, 0x11, 0x22, 2, 0x33]),
            ([0x11, 0x22, 0x33, 0x44], [5, 0x11, 0x22, 0x33, 0x44]),
            ([0x11, 0, 0, 0], [2, 0x11, 1, 1, 1]), ([1], [2, 1]),
        ] as [([UInt8], [UInt8])])
    func knownPairs(_ frame: [UInt8], _ stuffed: [UInt8]) {
        #expect(SerialFraming.encode(frame) == [0] + stuffed + [0])
        #expect(frames([0] + stuffed + [0]) == [frame])
    }

    @Test func longRunsWithoutAZero() {
        let all = (1...254).map { UInt8($0) }
        #expect(SerialFraming.encode(all) == [0, 255] + all + [0])
        #expect(SerialFraming.encode([0] + all) == [0, 1, 255] + all + [0])
        #expect(SerialFraming.encode(all + [255]) == [0, 255] + all + [2, 255, 0])
        #expect(SerialFraming.encode(all + [0]) == [0, 255] + all + [1, 1, 0])
        #expect(SerialFraming.encode(Array(all.dropFirst()) + [0]) == [0, 254] + all.dropFirst() + [1, 0])
    }

    @Test(arguments: [1, 2, 40, 104, 253, 254, 255, 508, 509, 1_400])
    func everyLengthComesBack(_ length: Int) {
        for zeros in [1, 2, 7, 300, 2_000] {
            let frame = (0..<length).map { $0 % zeros == 0 ? 0 : UInt8(truncatingIfNeeded: $0 | 1) }
            let line = SerialFraming.encode(frame)
            #expect(line.count <= SerialFraming.length(of: length))
            #expect(line.dropFirst().dropLast().allSatisfy { $0 != 0 })
            #expect(frames(line) == [frame])
            #expect(frames(line, line) == [frame, frame])
        }
    }

    @Test func piecesOfAnySize() {
        let frame: [UInt8] = [1, 0, 2, 0, 0, 3]
        let line = SerialFraming.encode(frame) + SerialFraming.encode(frame)
        var dropped: UInt64 = 0
        #expect(frames(line.map { [$0] }, dropped: &dropped) == [frame, frame] && dropped == 0)
    }

    /// D104: whatever noise does to one frame, the one behind it comes through.
    @Test func noiseCostsOneFrameAtMost() {
        let frame: [UInt8] = (0..<104).map { $0 & 3 == 0 ? 0 : UInt8($0) }
        let line = SerialFraming.encode(frame)
        for place in line.indices {
            for noise in [UInt8(0), 1, 0x55, 255] {
                var changed = line
                changed[place] = noise
                let found = frames(changed, line)
                #expect(found.last == frame && found.count <= 3, "\(noise) at \(place)")
                var inserted = line
                inserted.insert(noise, at: place)
                #expect(frames(inserted, line).last == frame)
                var lost = line
                lost.remove(at: place)
                #expect(frames(lost, line).last == frame)
                #expect(frames(Array(line[..<place]), line).last == frame)
            }
        }
        // Behind noise without an end, too.
        #expect(frames([UInt8](repeating: 0xa5, count: 100), line) == [frame])
    }

    @Test func memoryIsBounded() {
        var dropped: UInt64 = 0
        let frame: [UInt8] = [1, 2, 3]
        let noise = [[UInt8]](repeating: [UInt8](repeating: 0xa5, count: 4_096), count: 256)
        #expect(frames(noise + [SerialFraming.encode(frame)], dropped: &dropped) == [frame])
        #expect(dropped == 1)
        // One byte more than the longest frame.
        let long = [UInt8](repeating: 7, count: Self.frameMax + 1)
        #expect(frames([SerialFraming.encode(long)], dropped: &dropped).isEmpty && dropped == 1)
        #expect(frames([0, 0, 0, 0]).isEmpty)
    }
}
