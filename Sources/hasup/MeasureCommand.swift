import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Files
import Reactor
import Varlink

/// Measures the steps of a configuration on its way to a worker. Hidden: it is for `make bench`.
struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Prints how long reading, parsing, encoding and decoding take, as JSON.",
        shouldDisplay: false)

    @Argument(help: "The main file.") var file: String

    func run() throws {
        let environment = SystemEnvironment.current(checksInterfaces: true)
        let begin = Clock.now
        let sources = readSources(path: file, files: SystemFiles(), environment: environment)
        let read = Clock.now
        let loaded = Configuration.parse(sources, environment: environment)
        let parsed = Clock.now
        let bytes = loaded.model.encode()
        let encoded = Clock.now
        // As a worker decodes the memory that it maps.
        let isSame = bytes.withUnsafeBytes { bytes in (try? EncodedModel(bytes).decode())?.instances.count }
        let decoded = Clock.now
        guard isSame == loaded.model.instances.count else {
            Terminal.complain("the encoded model can't be decoded")
            throw ExitCode(1)
        }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, interval) in [
            ("read_seconds", read - begin), ("parse_seconds", parsed - read), ("encode_seconds", encoded - parsed),
            ("decode_seconds", decoded - encoded),
        ] {
            writer.name(name)
            writer.write(interval.seconds)
        }
        writer.name("encoded_bytes")
        writer.write(Int64(bytes.count))
        writer.name("errors")
        writer.write(Int64(loaded.errorCount))
        writer.endObject()
        Terminal.write(writer.bytes + [0x0a])
    }
}
