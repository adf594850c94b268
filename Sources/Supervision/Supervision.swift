// Supervision: decisions of hasupd as values that are given events and the time: workers, reloads, scripts, shutdown.
// Imports: Base, ConfigurationModel.
// Begin with WorkerLife.swift, the life of a worker as a table of states and events.
