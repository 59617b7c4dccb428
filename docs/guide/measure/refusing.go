package measure

import (
	"context"
	"time"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
)

// refusing is what chapter 3 prints.
func refusing() []Program {
	return []Program{
		{
			ID: "backpressure.window",
			Figures: []guide.Figure{
				counted("window", "", 0, "requests that a window of 100 a second lets through in the busiest second"),
				counted("bucket", "", 0, "requests that a bucket of 100 a second and a burst of 1 lets through in the busiest second"),
				counted("burst", "", 0, "requests that a bucket of 100 a second and a burst of 100 lets through in the busiest second"),
			},
			Measure: func(context.Context) (map[string]float64, error) {
				// Somebody who knows the window asks from half a second before
				// its end until half a second after it, once a millisecond.
				shifted := func(take func(time.Duration) bool) float64 {
					const from = 500 * time.Millisecond
					return float64(code.Busiest(func(now time.Duration) bool { return take(now + from) }, time.Millisecond, time.Second, time.Second))
				}
				return map[string]float64{
					"window": shifted((&code.Window{Limit: 100, Length: time.Second}).Take),
					"bucket": shifted((&code.Bucket{Every: 10 * time.Millisecond, Burst: 1}).Take),
					"burst":  shifted((&code.Bucket{Every: 10 * time.Millisecond, Burst: 100}).Take),
				}, nil
			},
		},
	}
}
