// Package proof holds the evidence that each scenario teaches what it says:
// under several seeds it is lost without its pattern and won with it.
//
// The runs are made in virtual time, where the same scenario and seed give the
// same figures on any machine, so they are kept as a file and not made anew at
// each start. `make proof` writes the file; a test of the program plays runs
// again and holds the file to them, value for value.
package proof

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed proof.json
var file []byte

//go:embed classics.json
var figures []byte

// Trial is one scenario under one seed, without its cure and with it.
type Trial struct {
	Scenario string `json:"scenario"`
	Engine   string `json:"engine"`
	Seed     uint64 `json:"seed"`
	Metric   string `json:"metric"`
	Without  Side   `json:"without"`
	With     Side   `json:"with"`
	OK       bool   `json:"ok"` // lost without, won with
}

// Side is one of the two runs of a trial.
type Side struct {
	Won   bool    `json:"won"`
	Value float64 `json:"value"`
}

// Table is a list of trials, and whether all of them came out as they should.
type Table struct {
	Trials []Trial `json:"trials"`
	OK     bool    `json:"ok"`
}

// Load returns the trials that this program was built with.
func Load() (Table, error) {
	var t Table
	if err := json.Unmarshal(file, &t); err != nil {
		return Table{}, fmt.Errorf("read the kept proof: %w; make it anew with make proof", err)
	}
	return t, nil
}

// Figure is what a published result came to when this program reproduced it.
type Figure struct {
	ID      string  `json:"id"`
	Seed    uint64  `json:"seed"`
	Value   float64 `json:"value"`
	Low     float64 `json:"low"` // of the 95 % confidence interval
	High    float64 `json:"high"`
	Samples int     `json:"samples"`
	OK      bool    `json:"ok"`
}

// Figures returns the reproduced results that this program was built with.
func Figures() ([]Figure, error) {
	var out []Figure
	if err := json.Unmarshal(figures, &out); err != nil {
		return nil, fmt.Errorf("read the kept figures: %w; make them anew with make proof", err)
	}
	return out, nil
}
