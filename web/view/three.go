package view

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"workbench/lab/scenario"
)

// Three is the panel that holds the live service to the other engines.
type Three struct {
	Worker, Weight, Version string
	Calm                    string   // how long the scenario is calm before its event, s
	Sizes                   []Option // of the crowd, from a thousand to a hundred million
	Size                    int      // index of the first choice
	Most, Start             string   // of the slider
}

// quarters is how many steps of the slider make a crowd ten times as large.
const quarters = 4

// ThreeOf makes the panel for a scenario; without a worker there is none.
func ThreeOf(spec scenario.Spec, worker, version string, packed int) Three {
	v := Three{Worker: worker, Weight: megabytes(packed), Version: version}
	at, _ := spec.EventAt()
	v.Calm = strconv.FormatFloat(at.Round(100*time.Millisecond).Seconds(), 'g', -1, 64)
	for i := range 5*quarters + 1 {
		v.Sizes = append(v.Sizes, Option{Value: strconv.Itoa(i), Text: crowdOf(i)})
	}
	v.Size = 3*quarters + 3 // between one and ten million
	v.Most, v.Start = strconv.Itoa(5*quarters), strconv.Itoa(v.Size)
	return v
}

// crowdOf writes the crowd at a step: "5.6 M".
func crowdOf(step int) string {
	n, err := strconv.ParseFloat(strconv.FormatFloat(1000*math.Pow(10, float64(step)/quarters), 'g', 2, 64), 64)
	if err != nil {
		return "–"
	}
	if n >= 1e6 {
		return fmt.Sprintf("%g M", n/1e6)
	}
	return fmt.Sprintf("%g k", n/1e3)
}

func megabytes(n int) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB" }
