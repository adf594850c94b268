import Base

/// The action of a start about an error of the configuration.
package struct StartAction: Record {
    /// The words behind "a start would".
    package var text: String
    /// The same, said afterwards.
    package var past: String

    package init(_ text: String, past: String) {
        self.text = text
        self.past = past
    }

    package init() { self.init("", past: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &text)
        try fields.field("", &past)
    }

    /// The message of the error says it.
    package static let inMessage = StartAction()
    package static let leaveOut = StartAction("leave it out", past: "left out")
    package static let leaveAllOut = StartAction("leave them out", past: "left out")
    package static let readOn = StartAction("read on without it", past: "read on without it")
    /// Of a tracking script that can't run.
    package static let takeAsFailed = StartAction("take it as failed", past: "taken as failed")
    package static let runIt = StartAction("run it all the same", past: "it runs all the same")

    package static func use(_ value: String) -> StartAction {
        StartAction("use \(value)", past: "used instead: \(value)")
    }

    /// Leaves an instance in FAULT: until it is mended, or until something else happens.
    package static func leaveInFault(_ instance: String, until event: String? = nil) -> StartAction {
        let fault = "instance `\(instance)` in FAULT"
        guard let event else { return StartAction("leave \(fault)", past: "\(fault) until it is mended") }
        return StartAction("leave \(fault) until \(event)", past: "\(fault) until \(event)")
    }
}
