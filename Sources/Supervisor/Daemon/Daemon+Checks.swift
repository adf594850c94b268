import LoadBalancing
import Supervision

extension Daemon: CheckerSupervisionDelegate {
    func checkerTold(_ changes: [StateChange]) {
        deferCodeRelease()
        director.take(changes)
    }

    func checkerNotifies(_ notification: PendingNotification) {
        scripts.add(notification)
        mails.add(notification)
        fifos.write(notification)
    }

    func checkerMails(_ notification: PendingNotification) { mails.add(notification, repeats: true) }

    func checkerReady() { workers.writePidFiles() }

    func checkerFinished() { advance(.checkerFinished) }
}
