package proof

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed strip.json
var stripped []byte

// Strip is the complete orders service with one pattern at a time taken away.
type Strip struct {
	Seed     uint64   `json:"seed"`
	Complete []string `json:"complete"` // the patterns that are on, in the order of the chain
	Held     []Held   `json:"held"`     // what the complete service holds
	Without  []Taken  `json:"without"`  // in the order of Complete
}

// Held is a claim of a scenario that the complete service holds.
type Held struct {
	Scenario string  `json:"scenario"`
	Claim    string  `json:"claim"`
	Metric   string  `json:"metric"`
	Want     string  `json:"want"`
	Value    float64 `json:"value"`
}

// Taken is one pattern taken away, and the claims that do not hold then.
type Taken struct {
	Pattern string `json:"pattern"`
	Lost    []Held `json:"lost"` // Value is what was measured without it
}

// Strips returns the strip test that this program was built with.
func Strips() (Strip, error) {
	var s Strip
	if err := json.Unmarshal(stripped, &s); err != nil {
		return Strip{}, fmt.Errorf("read the kept strip test: %w; make it anew with make proof", err)
	}
	return s, nil
}
