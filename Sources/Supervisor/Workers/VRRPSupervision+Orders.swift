import Base
import ConfigurationModel
import Supervision
import VRRP
import WorkerProtocol

// Orders of operators and hooks, between hasupd and the VRRP worker.
extension VRRPSupervision {
    /// Gives the orders that are in effect with a generation, before the worker is given that.
    func sendOrders(with generation: Generation, on channel: Channel) {
        Self.send(delegate.orders(for: generation), isOfNext: true, on: channel)
    }

    /// Gives all orders to the worker that runs. One that starts gets them with its hello.
    func send(_ orders: [OperatorOrder]) {
        guard let channel = worker?.channel else { return }
        Self.send(orders, isOfNext: false, on: channel)
    }

    private static func send(_ orders: [OperatorOrder], isOfNext: Bool, on channel: Channel) {
        var writer = ByteWriter()
        for (place, order) in orders.enumerated() {
            order.encode(into: &writer)
            guard writer.bytes.count > SupervisorToVRRP.tableBytesMax, place + 1 < orders.count else { continue }
            SupervisorToVRRP.orders(isOfNext: isOfNext, writer.bytes).send(on: channel, hasMore: true)
            writer.bytes.removeAll(keepingCapacity: true)
        }
        SupervisorToVRRP.orders(isOfNext: isOfNext, writer.bytes).send(on: channel)
    }

    /// Tells the worker how a hook has ended. One that has died meanwhile leaves the question to its successor.
    func tell(_ end: HookEnd) {
        guard let channel = worker?.channel else { return }
        var writer = ByteWriter()
        end.encode(into: &writer)
        SupervisorToVRRP.hookEnded(writer.bytes).send(on: channel)
    }

    /// A worker asks for a hook, or doesn't wait for it any more.
    func run(_ request: HookRequest, generation: UInt64) {
        do throws(Refusal) {
            guard !request.isVoid else {
                let key = try broker.key(of: request.hook, request.subject, generation: generation)
                return delegate.drop(key, number: request.number)
            }
            let hook = try broker.hook(request.hook, of: request.subject, generation: generation)
            delegate.run(hook, number: request.number)
        } catch {
            refuse(error)
        }
    }
}
