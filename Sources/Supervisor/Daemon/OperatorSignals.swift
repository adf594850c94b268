import Glibc

/// The signals that mean something to hasupd, and those that must not end it.
enum OperatorSignals {
    /// Reload, stop, and the two by which keepalived writes what it knows to files: operators' habits and old monitoring
    /// send them.
    static let handled = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, park]

    /// Ends hasupd so that its successor goes on where it was: SIGRTMIN+10, which means nothing to keepalived. The unit
    /// has it as RestartKillSignal.
    static var park: Int32 { __libc_current_sigrtmin() + 10 }

    /// By default all of these end a process, and none of them is a reason to drop the addresses. SIGQUIT and SIGABRT
    /// stay: they are asked for when a core dump is wanted. So does `park`: until it is handled, an end loses nothing.
    /// What is handled waits for its handler once that is there; until then nothing runs that could be reloaded.
    static func ignoreWhatEndsNothing() {
        let realtime = Array(__libc_current_sigrtmin()...__libc_current_sigrtmax())
        let ordinary = [
            SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT,
        ]
        for number in ordinary + realtime where number != park { signal(number, SIG_IGN) }
    }

    /// SIGXCPU is the realtime fuse (docs/decisions.md, D29): it ends hasupd whatever its parent ignored or blocked.
    static func letFuseBlow() {
        signal(SIGXCPU, SIG_DFL)
        var fuse = sigset_t()
        sigemptyset(&fuse)
        sigaddset(&fuse, SIGXCPU)
        sigprocmask(SIG_UNBLOCK, &fuse, nil)
    }
}
