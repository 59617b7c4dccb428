package incident

import _ "embed"

//go:embed oncall.yaml
var scenario string

// Scenario returns the scenario file under which a rehearsal is held: a service
// with room to spare, so that what goes wrong is the fault and not the load.
func Scenario() string { return scenario }
