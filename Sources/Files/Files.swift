// Files: files, programs, accounts and interfaces of the machine, as the configuration's reader sees them.
// Imports: Base, CLinux, Configuration, ConfigurationModel, Reactor.
// Begin with SystemFiles.swift for files, SystemEnvironment.swift for the machine.
