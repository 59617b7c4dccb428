package observing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"workbench/lab/alert"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// burnKnobs are the settings of BurnRate.
type burnKnobs struct {
	Alert     string  `knob:"alert" options:"burn-rate,threshold" help:"what decides whether to wake somebody"`
	Objective float64 `knob:"objective" unit:"share" min:"0.9" max:"0.999" help:"of requests that must be good"`
	Blips     int     `knob:"blips" min:"0" max:"60" help:"moments of trouble that are over before anybody could act"`
}

// BurnRate compares two alerts on the same three hours.
func BurnRate() trial.Trial {
	return trial.Trial{
		Name: "burn-rate", Title: "Whom does it wake?", Chapter: 8,
		Question: "Three hours with two incidents and twenty blips of a few seconds. How often does an alert at 5 % errors over ten seconds wake somebody for nothing?",
		Lesson:   "Alert on how fast the error budget burns, over a long window and a short one: it finds what matters and sleeps through the rest.",
		Knobs:    func() any { return &burnKnobs{Alert: "burn-rate", Objective: .99, Blips: 20} },
		Wrong:    map[string]any{"alert": "threshold"}, Right: map[string]any{"alert": "burn-rate"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return burnRate(ctx, env, *knobs.(*burnKnobs), tell)
		},
	}
}

// The three hours, in seconds.
const (
	nightLong  = 3 * 3600
	nightRate  = 100
	hardFrom   = 4000
	hardTo     = hardFrom + 240
	hardShare  = .5
	leakFrom   = 8000
	leakTo     = leakFrom + 1200
	leakShare  = .09
	blipShare  = .4
	usualShare = .0005
)

// night returns the share of requests that fail in each second.
func night(seed uint64, blips int) []float64 {
	s := dist.New(seed, "night")
	out := make([]float64, nightLong)
	for i := range out {
		out[i] = usualShare
	}
	for n := range blips {
		from := (nightLong-600)*(2*n+1)/(2*blips) + int(s.Float64()*60)
		if from > hardFrom-120 && from < hardTo+120 || from > leakFrom-120 && from < leakTo+420 {
			continue // a blip within an incident would be none
		}
		for i := range 2 + int(s.Float64()*3) {
			out[from+i] = blipShare
		}
	}
	for i := hardFrom; i < hardTo; i++ {
		out[i] = hardShare
	}
	for i := leakFrom; i < leakTo; i++ {
		out[i] = leakShare
	}
	return out
}

func burnRate(ctx context.Context, env trial.Env, k burnKnobs, tell func(trial.Step)) (trial.Result, error) {
	c := alert.Defaults()
	c.Objective = k.Objective
	a, err := alert.New(c)
	if err != nil {
		return trial.Result{}, err
	}
	luck := dist.New(env.Seed, "failures")
	for i, share := range night(env.Seed, k.Blips) {
		if i%1800 == 0 {
			if err := ctx.Err(); err != nil {
				return trial.Result{}, err
			}
			tell(trial.Step{Text: "seconds", Done: i, Total: nightLong})
		}
		var bad uint64
		for range nightRate {
			if luck.Float64() < share {
				bad++
			}
		}
		a.Add(time.Duration(i+1)*time.Second, nightRate-bad, bad)
	}
	wrong := []alert.Span{{From: hardFrom * time.Second, To: hardTo * time.Second}, {From: leakFrom * time.Second, To: leakTo * time.Second}}
	out := trial.Result{
		Component: "lab/alert, on three hours drawn from the seed",
		Columns:   []trial.Column{{Title: "alert"}, {Title: "pages"}, {Title: "incidents found"}, {Title: "false pages"}, {Title: "mean time to detect", Unit: "s"}},
	}
	pages := a.Pages()
	var log strings.Builder
	for _, kind := range []alert.Kind{alert.Threshold, alert.BurnRate} {
		s := alert.Judge(pages, kind, wrong, 6*time.Minute)
		n := 0
		for _, p := range pages {
			if p.Kind == kind {
				n++
				fmt.Fprintf(&log, "%-10s %-6s from %v to %v\n", p.Kind, p.Rule, p.From, p.To)
			}
		}
		out.Rows = append(out.Rows, []string{string(kind), fmt.Sprint(n), fmt.Sprintf("%d of %d", s.Found, len(wrong)), fmt.Sprint(s.False), fmt.Sprintf("%.0f", s.Detect.Seconds())})
		if string(kind) == k.Alert {
			out.Claims = []trial.Claim{
				claim(s.Missed == 0, "Both incidents are found", fmt.Sprintf("%d of %d", s.Found, len(wrong))),
				claim(s.False <= 1, "Nobody is woken for nothing more than once", fmt.Sprintf("%d false pages", s.False)),
				claim(s.Found > 0 && s.Detect <= 4*time.Minute, "An incident is found within four minutes, on average", fmt.Sprintf("%.0f s", s.Detect.Seconds())),
			}
		}
	}
	out.Notes = []trial.Note{{Title: "Who was woken", Text: log.String()}}
	return out, nil
}
