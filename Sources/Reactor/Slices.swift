extension EventLoop {
    /// Does long work piece by piece, so that no turn becomes long by it (docs/decisions.md, D6): `piece` is called in
    /// the next turns, again and again until the turn has lasted long enough, and no more when it has returned false.
    /// Each piece should take well below a millisecond.
    package func doInSlices(_ piece: @escaping () -> Bool) {
        var timer: Timer?
        let fresh = makeTimer { [unowned self] in
            guard let own = timer else { return }
            repeat {
                if piece() { continue }
                // The loop keeps what a timer holds on to until the timer is removed.
                self.remove(own)
                timer = nil
                return
            } while !self.isTurnLong
            self.set(own, to: self.now)
        }
        timer = fresh
        set(fresh, to: now)
    }
}
