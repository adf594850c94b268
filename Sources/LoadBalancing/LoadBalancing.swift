// LoadBalancing: the director's decisions: what stands in IPVS's table, and what is written to make it so.
// Imports: Base, ConfigurationModel.
// Begin with IPVSTable.swift, the table's values; Director.swift decides.
