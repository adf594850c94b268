import ArgumentParser
import Authentication
import Foundation
import Testing

@testable import hasup

@Suite struct KeygenTests {
    @Test func aKeyIsMadeForItsOwnerAndNeverOverwritten() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hasup-key-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try KeygenCommand.parse(["--number", "7", path]).run()
        let bytes = try #require(FileManager.default.contents(atPath: path))
        let keys = try KeyFile(Array(bytes)).keys
        #expect(keys.map(\.number) == [7])
        #expect(keys.first.map { Set($0.bytes).count > 8 } == true)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(throws: (any Error).self) { try KeygenCommand.parse([path]).run() }
        #expect(FileManager.default.contents(atPath: path) == bytes)
    }

    @Test func aNumberBeyondTheFramesIsRefused() {
        #expect(throws: (any Error).self) { try KeygenCommand.parse(["--number", "16"]) }
    }
}
