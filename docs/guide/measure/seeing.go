package measure

import (
	"context"
	"errors"
	"slices"
	"time"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/dist"
	"workbench/sim/stat"
)

// seeing is what chapter 8 prints besides its scenarios.
func seeing() []Program { return []Program{averages(), buckets(), leads(), burning(), cardinality()} }

// averages merges the latencies of ten instances, one of which is ill.
func averages() Program {
	return Program{
		ID: "observability.averages",
		Figures: []guide.Figure{
			counted("mean", "ms", 0, "mean latency over ten instances, one of which is slow for a quarter of its requests"),
			counted("average-p99", "ms", 0, "mean of the ten instances' 99th percentiles"),
			counted("p99", "ms", 0, "99th percentile of all their requests together"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			draw := dist.New(seed, "averages")
			whole, sum := &stat.Hist{}, 0.
			const instances, requests = 10, 10_000
			for i := range instances {
				one := &stat.Hist{}
				for range requests {
					d := time.Duration(float64(20*time.Millisecond) * draw.Exp())
					if i == 0 && draw.Float64() < .25 {
						d += time.Second
					}
					one.Record(d)
				}
				sum += ms(one.Quantile(.99))
				whole.Merge(one)
			}
			return map[string]float64{"mean": ms(whole.Mean()), "average-p99": sum / instances, "p99": ms(whole.Quantile(.99))}, nil
		},
	}
}

// buckets reads a percentile from the counts of a few wide buckets, as a
// classic Prometheus histogram does: evenly within the bucket.
func buckets() Program {
	bounds := []float64{5, 10, 25, 50, 100, 250, 500, 1000, 2500}
	return Program{
		ID: "observability.buckets",
		Figures: []guide.Figure{
			counted("true", "ms", 0, "99th percentile of 100,000 latencies, all but 2 % of them at 30 ms and those at 260 ms"),
			counted("read", "ms", 0, "the same, interpolated in the usual buckets"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			all := slices.Concat(slices.Repeat([]float64{30}, 98_000), slices.Repeat([]float64{260}, 2_000)) // sorted
			rank, below, low := .99*float64(len(all)), 0., 0.
			for _, bound := range bounds {
				upTo := 0.
				for _, v := range all {
					if v <= bound {
						upTo++
					}
				}
				if upTo >= rank {
					return map[string]float64{"true": all[int(rank)], "read": low + (bound-low)*(rank-below)/(upTo-below)}, nil
				}
				below, low = upTo, bound
			}
			return nil, errors.New("the buckets are too low")
		},
	}
}

// leads plays the ramp and notes when each signal first shows it.
func leads() Program {
	return Program{
		ID: "observability.leads",
		Figures: []guide.Figure{
			counted("saturation", "s", 0, "of traffic-ramp, in virtual time, until the dependency's slots are 90 % busy"),
			counted("queue", "s", 0, "until more requests wait than work: 20"),
			counted("goodput", "s", 0, "until fewer than 95 % of the users are answered in time"),
			counted("refused", "s", 0, "until the first user is refused"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			spec, err := scenario.Find("traffic-ramp")
			if err != nil {
				return nil, err
			}
			report, err := virtual.RunFlags(ctx, spec, nil, virtual.Options{Seed: seed})
			if err != nil {
				return nil, err
			}
			first := func(sign func(scenario.Point) bool) float64 {
				for _, p := range report.Series {
					if sign(p) {
						return p.T
					}
				}
				return report.DurationS
			}
			return map[string]float64{
				"saturation": first(func(p scenario.Point) bool { return p.Saturation >= .9 }),
				"queue":      first(func(p scenario.Point) bool { return p.Queue > 20 }),
				"goodput":    first(func(p scenario.Point) bool { return p.Good < .95*p.Offered }),
				"refused":    first(func(p scenario.Point) bool { return p.Outcomes["shed"] > 0 }),
			}, nil
		},
	}
}

// burning lets three alerts watch the same day: a blip of two minutes, and
// hours later a fault that takes 2 % of the requests.
func burning() Program {
	return Program{
		ID: "observability.burn",
		Figures: []guide.Figure{
			counted("burn", "×", 0, "burn of 2 % errors against an objective of 99.9 %"),
			counted("threshold", "", 0, "pages by an alert on 5 % errors in a minute for the fault, in twelve hours"),
			counted("blips", "", 0, "pages by that alert for the blip"),
			counted("windows", "min", 0, "after the fault's begin until an alert on the burn over an hour and over five minutes fires"),
			counted("windows-blips", "", 0, "pages by the alert on two windows for the blip"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			const minutes, blip, fault = 1440, 300, 720
			const objective, limit = .999, 14.4
			day := make([]float64, minutes)
			day[blip], day[blip+1] = .4, .4
			for m := fault; m < minutes; m++ {
				day[m] = .02
			}
			out := map[string]float64{"burn": code.Burn(.02, objective), "threshold": 0, "blips": 0, "windows-blips": 0}
			if m, ok := code.Paged(day[:fault], 1, 1, objective, .05/(1-objective)); ok && m >= blip {
				out["blips"] = 1
			}
			if _, ok := code.Paged(day[fault:], 1, 1, objective, .05/(1-objective)); ok {
				out["threshold"] = 1
			}
			if _, ok := code.Paged(day[:fault], 60, 5, objective, limit); ok {
				out["windows-blips"] = 1
			}
			if m, ok := code.Paged(day[fault-60:], 60, 5, objective, limit); ok {
				out["windows"] = float64(m - 60)
			}
			return out, nil
		},
	}
}

// cardinality is how many series one metric becomes.
func cardinality() Program {
	return Program{
		ID: "observability.labels",
		Figures: []guide.Figure{
			{ID: "bounded", How: "series of a histogram with 12 buckets, 10 routes and 5 statuses", Formula: "(12+2)×10×5"},
			{ID: "users", How: "series of the same with a label for each of 100,000 users", Formula: "(12+2)×10×5×100,000"},
		},
		Measure: func(context.Context) (map[string]float64, error) {
			const each = (12 + 2) * 10 * 5 // a histogram also has a sum and a count
			return map[string]float64{"bounded": each, "users": each * 100_000}, nil
		},
	}
}
