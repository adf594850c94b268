import Glibc

/// The signals that hasupd handles or ignores.
enum OperatorSignals {
    /// Reload, stop, and those that ask for dumps: operators and old monitoring send them.
    static let handled = NamedSignal.all.map(\.number) + [SIGINT, park]

    /// Ends hasupd for a successor that continues from its state: SIGRTMIN+10, which keepalived doesn't use. It is the
    /// unit's RestartKillSignal.
    static var park: Int32 { __libc_current_sigrtmin() + 10 }

    /// Ignores the signals that end a process by default and are no reason to drop the addresses. SIGQUIT and SIGABRT stay,
    /// for core dumps. So does `park`: until it is handled, an end loses nothing. Signals in `handled` are ignored until
    /// their handler is there: before that nothing runs that could be reloaded.
    static func ignoreWhatEndsNothing() {
        let realtime = Array(__libc_current_sigrtmin()...__libc_current_sigrtmax())
        let ordinary = [
            SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT,
        ]
        for number in ordinary + realtime where number != park { signal(number, SIG_IGN) }
    }

    /// Restores SIGXCPU, the realtime fuse (docs/decisions, D29), which the parent may have ignored or blocked.
    static func letFuseBlow() {
        signal(SIGXCPU, SIG_DFL)
        var fuse = sigset_t()
        sigemptyset(&fuse)
        sigaddset(&fuse, SIGXCPU)
        sigprocmask(SIG_UNBLOCK, &fuse, nil)
    }
}
