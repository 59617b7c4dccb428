package measure

import (
	"context"
	"fmt"
	"strconv"

	"workbench/docs/guide"
	"workbench/lab/proof"
)

// whole is what chapter 9 prints besides its scenarios: the kept proof.
func whole() []Program {
	return []Program{{
		ID: "complete-example.proof",
		Figures: []guide.Figure{
			counted("scenarios", "", 0, "scenarios of lab/proof, each played without its pattern and with it"),
			counted("trials", "", 0, "trials of lab/proof: scenarios times seeds"),
			counted("lost", "", 0, "of them lost without the pattern and won with it"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			table, err := proof.Load()
			if err != nil {
				return nil, err
			}
			names, ok := map[string]bool{}, 0.
			for _, t := range table.Trials {
				names[t.Scenario] = true
				if t.OK && !t.Without.Won && t.With.Won {
					ok++
				}
			}
			if len(names) == 0 {
				return nil, fmt.Errorf("the kept proof holds %s trials", strconv.Itoa(len(table.Trials)))
			}
			return map[string]float64{"scenarios": float64(len(names)), "trials": float64(len(table.Trials)), "lost": ok}, nil
		},
	}}
}
