import Base
import VRRP

/// One line a transition, in fixed columns: seconds of the world, machine, virtual router, from, to, why.
struct Trace {
    var isOn: Bool
    private(set) var lines: [String] = []

    init(isOn: Bool) { self.isOn = isOn }

    mutating func transition(
        _ now: Int64, _ machine: Int, _ router: Int, from: RouterState, to: RouterState, _ reason: String
    ) {
        guard isOn else { return }
        let states = "\(pad("\(from)", 6)) -> \(pad("\(to)", 6))"
        lines.append("\(time(now))  m\(machine)  VI_\(router)  \(states)  \(reason)")
    }

    mutating func note(_ now: Int64, _ machine: Int?, _ text: String) {
        guard isOn else { return }
        lines.append("\(time(now))  \(machine.map { "m\($0)" } ?? "--")  \(text)")
    }

    private func time(_ now: Int64) -> String {
        let micros = now / 1_000
        let fraction = String(micros % 1_000_000)
        let whole = String(micros / 1_000_000)
        return String(repeating: " ", count: max(0, 6 - whole.count)) + whole + "."
            + String(repeating: "0", count: 6 - fraction.count) + fraction
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
