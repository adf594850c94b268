// WorkerProtocol: messages between hasupd and its workers, and the memory that they share.
// Imports: Base, CLinux, ConfigurationModel, Reactor.
// Begin with WorkerMessages.swift; Frame.swift and Channel.swift carry the messages, StatePage.swift is the memory.
