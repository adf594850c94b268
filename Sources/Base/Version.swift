/// The version of all programs of this source tree.
public let hasupVersion = "0.1.0"
