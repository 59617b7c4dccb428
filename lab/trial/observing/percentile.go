package observing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/meter"
	"workbench/lab/signal"
	"workbench/lab/trial"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// percentileKnobs are the settings of Percentiles.
type percentileKnobs struct {
	How       string `knob:"how" options:"merge,average" help:"how the instances' figures become one: their histograms added up, or their 99th percentiles averaged"`
	Instances int    `knob:"instances" min:"2" max:"26" help:"how many there are; one of them is ill"`
	Requests  int    `knob:"requests" min:"1000" max:"1000000" help:"to all of them together"`
}

// Percentiles shows that percentiles cannot be averaged.
func Percentiles() trial.Trial {
	return trial.Trial{
		Name: "percentile-average", Title: "The average of percentiles", Chapter: 8,
		Question: "Ten instances, one of them ill: twenty times slower. Each reports its 99th percentile. What is their average: more, or less, than the 99th percentile of all users?",
		Lesson:   "Add histograms up and take the percentile last; an average of percentiles is nobody's latency.",
		Knobs:    func() any { return &percentileKnobs{How: "merge", Instances: 10, Requests: 50_000} },
		Wrong:    map[string]any{"how": "average"}, Right: map[string]any{"how": "merge"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return percentiles(ctx, env, *knobs.(*percentileKnobs), tell)
		},
	}
}

// nothing is a meter's source that has nothing further to tell.
type nothing struct{}

func (nothing) Figures() meter.Figures { return meter.Figures{} }

func percentiles(ctx context.Context, env trial.Env, k percentileKnobs, tell func(trial.Step)) (trial.Result, error) {
	hand := &clock.Manual{} // requests take drawn times, which nobody need wait for
	m, err := meter.New(hand, []string{"read"}, nil, nothing{})
	if err != nil {
		return trial.Result{}, err
	}
	stream := dist.New(env.Seed, "percentiles")
	var exact []float64
	var handlers []lab.Handler
	var takes time.Duration
	for i := range k.Instances {
		handlers = append(handlers, m.Wrap(m.Instance(string(rune('a'+i)), lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			hand.At += takes
			return lab.Response{}
		}))))
	}
	for n := range k.Requests {
		if n%10_000 == 0 {
			if err := ctx.Err(); err != nil {
				return trial.Result{}, err
			}
			tell(trial.Step{Text: "requests", Done: n, Total: k.Requests})
		}
		i := n % k.Instances
		mean := 20 * time.Millisecond
		if i == k.Instances-1 {
			mean *= 20
		}
		takes = time.Duration(-math.Log(1-stream.Float64()) * float64(mean))
		handlers[i].Serve(ctx, &lab.Request{})
		exact = append(exact, takes.Seconds()*1e3)
	}
	s, err := signal.Read(hand.At, m.Gatherer())
	if err != nil {
		return trial.Result{}, err
	}
	slices.Sort(exact)
	truth := exact[min(len(exact)-1, int(.99*float64(len(exact))))]
	var average float64
	var merged signal.Hist
	out := trial.Result{Component: "Prometheus client in this process, native histograms", Columns: []trial.Column{{Title: "of"}, {Title: "requests"}, {Title: "99th percentile", Unit: "ms"}}}
	for _, c := range s.Instances {
		average += c.Took.Quantile(.99) / float64(len(s.Instances))
		merged = merged.Merge(c.Took)
		out.Rows = append(out.Rows, []string{"instance " + c.Name, fmt.Sprint(c.Took.Count), fmt.Sprintf("%.0f", c.Took.Quantile(.99))})
	}
	told := merged.Quantile(.99)
	if k.How == "average" {
		told = average
	}
	out.Rows = append(out.Rows, []string{"the average of these", fmt.Sprint(len(exact)), fmt.Sprintf("%.0f", average)},
		[]string{"the histograms added up", fmt.Sprint(merged.Count), fmt.Sprintf("%.0f", merged.Quantile(.99))},
		[]string{"all requests, sorted", fmt.Sprint(len(exact)), fmt.Sprintf("%.0f", truth)})
	off := told/truth - 1
	out.Claims = []trial.Claim{claim(math.Abs(off) <= .1, "What is told lies within a tenth of the 99th percentile of all requests", fmt.Sprintf("%+.0f %%", 100*off))}
	return out, nil
}
