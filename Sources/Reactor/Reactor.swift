// Reactor: epoll, one timer, signals and owned descriptors for one thread; the only room that reads the clock.
// Imports: Base, CLinux.
// Begin with EventLoop.swift, whose `turn` waits and calls the handlers.
