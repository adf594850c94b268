// Authentication: the keys of a cluster: their file, and what is signed with them.
// Imports: Base, CNettle, Wire.
// Begin with KeyFile.swift, then FrameKeys.swift.
