// Varlink: JSON, the visitor that writes and reads records as JSON and bytes, the messages of https://varlink.org.
// Imports: Base.
// Begin with JSONRecord.swift, then VarlinkMessage.swift.
