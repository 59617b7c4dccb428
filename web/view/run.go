package view

import (
	"fmt"
	"strconv"
	"strings"

	"workbench/lab/live"
)

// Run is one line of the run history.
type Run struct {
	ID, Title, Good, P99, On, Claims, Prediction, At, Length string
	Level                                                    string // of the goodput
}

// RunsOf lists finished runs, the latest first.
func RunsOf(runs []live.RunSummary) []Run {
	out := make([]Run, 0, len(runs))
	for _, r := range runs {
		v := Run{
			ID: strconv.FormatUint(r.ID, 10), Title: r.Title, Good: Percent(r.GoodputShare), P99: Millis(r.P99MS), Level: Level(r.GoodputShare),
			On: strings.Join(r.On, ", "), Prediction: r.Prediction, At: r.At.Format("2006-01-02 15:04"), Length: fmt.Sprintf("%.0f s", r.DurationS),
		}
		if v.On == "" {
			v.On = "nothing"
		}
		if r.Claims > 0 {
			v.Claims = fmt.Sprintf("%d of %d", r.ClaimsOK, r.Claims)
		}
		out = append(out, v)
	}
	return out
}

// Level grades a share of users served.
func Level(share float64) string {
	switch {
	case share >= .99:
		return "ok"
	case share >= .9:
		return "warn"
	}
	return "bad"
}
