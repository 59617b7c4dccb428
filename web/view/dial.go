package view

import (
	"math"
	"strconv"

	"workbench/lab/live"
)

// dialOf places the traffic dial: the middle is the scenario's own traffic,
// the ends a tenth and ten times of it.
func dialOf(s live.State) Dial {
	factor := s.Traffic.Factor
	position := 0.0
	if factor > 0 {
		position = math.Round(100 * min(max(math.Log10(factor), -1), 1))
	}
	return Dial{
		Position: strconv.FormatFloat(position, 'f', 0, 64), Factor: "×" + strconv.FormatFloat(factor, 'g', 3, 64),
		Rate: Rate(s.Traffic.Rate), Paused: s.Phase == "paused",
	}
}
