// LoadBalancing: the director's decisions: what stands in IPVS's table, and what is written to make it so.
// Imports: Base, ConfigurationModel, Wire.
// Begin with Director.swift, which decides; IPVSTable.swift has the table's values, WantedTable.swift what is wanted there.
