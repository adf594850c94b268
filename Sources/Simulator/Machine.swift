import Base
import ConfigurationModel
import VRRP

/// An input that waits for a machine that doesn't run.
enum Pending {
    case frame(LANFrame)
    case heartbeat(HeartbeatOnPath)
    case applied(ticket: UInt64, KernelAnswer)
    /// Results of tracked objects.
    case results([TrackerState])
    case hookEnd(HookEnd)
}

/// A request to the kernel.
struct KernelRequest {
    enum Work {
        case install([PlacedAddress])
        case withdraw([AddressKey], guarded: Set<Int32>)
        case renew([PlacedAddress], guarded: Set<Int32>)
        /// Everything is read anew.
        case read
    }

    var work: Work
    var ticket: UInt64
    var requestedAt: Int64
    /// Addresses that the daemon takes away before it knows whose they are: it has asked for them, and has no answer.
    var unanswered: Set<AddressKey> = []
}

/// The kernel as a machine's daemon knows it.
struct KernelView {
    var links: [Int32: InterfaceState] = [:]
    var addresses: [AddressKey: (address: KernelAddress, since: Int64)] = [:]

    mutating func take(_ change: AddressChange, at now: Int64) {
        if !change.isPresent {
            addresses[change.address.key] = nil
        } else if addresses[change.address.key]?.address != change.address {
            addresses[change.address.key] = (change.address, now)
        }
    }
}

/// One node of the cluster: a real core, a model of its kernel, and what the world observes of it.
struct Machine {
    let number: Int
    var model: ConfigurationModel
    /// Model in force under the numbers that actions use at the moment.
    var actingModel: ConfigurationModel
    /// Nil while the machine is off or its daemon is dead.
    var node: Node?
    var clock: MachineClock
    /// True if its core hasn't had its configuration yet.
    var isBeginning = false
    var isPaused = false
    var pausedAt: Int64 = 0
    /// True while it reads what has waited for the end of its pause.
    var isCatchingUp = false
    /// True if the daemon was told to stop and hasn't been started again.
    var isStopped = false
    var inbox: [Pending] = []
    /// Counts starts: what an earlier life was still waiting for never arrives.
    var life = 0
    /// Only the newest wake-up counts.
    var wakeVersion = 0

    // MARK: What outlives a process

    /// The core's records for a successor, by record number.
    var records: [Int: InstanceRecord] = [:]
    /// The memory file of addresses, by place.
    var ledger: [Int: [UInt8]] = [:]
    var ledgerKeys: [Int: AddressKey] = [:]
    /// Configurations before the model of which something may still be in the kernel: what hasupd hands to a successor.
    var previousModels: [ConfigurationModel] = []
    /// When the core died whose successor hasn't come yet.
    var heardUntil = Instant(nanoseconds: 0)

    // MARK: Tracked objects

    /// The truth about them.
    var objects: [TrackerKey: TrackerResult] = [:]
    /// True if its daemon has looked at them.
    var hasResults = false
    /// The daemon's table.
    var results: [TrackerKey: TrackerResult] = [:]
    /// The results that the core was told.
    var told: [TrackerKey: TrackerResult] = [:]
    /// Counts starts of the daemon.
    var starts = 0

    // MARK: Orders and hooks

    /// The daemon's table.
    var orders: [NotificationKey: OperatorOrder] = [:]
    /// Orders that its core was given, and that haven't ended.
    var toldOrders: [NotificationKey: OperatorOrder] = [:]
    /// The ends of its hooks; nil while one runs.
    var hookRuns: [HookOfMachine: Bool?] = [:]
    /// By virtual router: before_masters that haven't ended since it became MASTER, its own and its group's.
    var pendingHooks: [Set<NotificationKey.Kind>]
    /// True if the configuration waits for hooks of what it takes away.
    var awaitsConfiguration = false

    // MARK: The kernel and the ways to it

    var kernel: Kernel
    /// The requests to the kernel; it does one thing after the other.
    var requests: [KernelRequest] = []
    var kernelFreeAt: Int64 = 0
    /// Answers that its core hasn't had, and when the last one arrives.
    var answersUnderWay = 0
    var lastAnswerAt: Int64 = 0
    /// Notifications under way.
    var notifications: [KernelNotification] = []
    /// True if notifications are being lost, until everything is read anew.
    var losesNotifications = false
    var view = KernelView()
    /// When a renewal was last refused, or the daemon began or went on.
    var leasesMayEndSince: Int64 = 0
    /// The kernel's revision at the last look.
    var checkedRevision = -1

    // MARK: What the world observes

    /// Its state by virtual router.
    var states: [RouterState]
    var masterSince: [Int64]
    /// The same by its own clock, which may have stood still since.
    var masterReading: [Instant]
    /// The last state that its processes have notified, by virtual router.
    var notified: [NotifyTrigger?]
    var announcedAt: [[IPAddress: Int64]]
    /// The time until which the loss of an address may be blamed on another program.
    var foreignRemovalUntil: [IPAddress: Int64] = [:]

    init(number: Int, model: ConfigurationModel, clock: MachineClock, kernel: Kernel, routerCount: Int) {
        self.number = number
        self.model = model
        actingModel = model
        self.clock = clock
        self.kernel = kernel
        pendingHooks = [Set<NotificationKey.Kind>](repeating: [], count: routerCount)
        states = [RouterState](repeating: .initialize, count: routerCount)
        masterSince = [Int64](repeating: 0, count: routerCount)
        masterReading = [Instant](repeating: Instant(nanoseconds: 0), count: routerCount)
        notified = [NotifyTrigger?](repeating: nil, count: routerCount)
        announcedAt = [[IPAddress: Int64]](repeating: [:], count: routerCount)
    }

    /// True if its daemon knows all that its kernel has done and has no request open.
    var isQuiet: Bool {
        node != nil && !isBeginning && !isPaused && !isCatchingUp && requests.isEmpty && answersUnderWay == 0
            && notifications.isEmpty
            && !losesNotifications
    }

    /// The link of the virtual LAN.
    var lan: InterfaceState { kernel.links[0].state }

    /// Number of the virtual router that an instance is.
    static func router(of instance: InstanceSettings) -> Int { instance.location.line }

    func settings(of router: Int) -> InstanceSettings? {
        model.instances.first { Machine.router(of: $0) == router }
    }

    func instance(of router: Int) -> InstanceID? {
        model.instances.firstIndex { Machine.router(of: $0) == router }
    }
}

extension InstanceSettings {
    /// The virtual addresses, carried or excluded.
    var allAddresses: [VirtualAddress] { virtualAddresses + excludedAddresses }
}
