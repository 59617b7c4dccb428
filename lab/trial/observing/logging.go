package observing

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/trial"
)

// loggingKnobs are the settings of LoggingCost.
type loggingKnobs struct {
	Lines    string  `knob:"lines" options:"all,errors,sampled,off" help:"which requests get a line"`
	Share    float64 `knob:"share" unit:"share" min:"0.001" max:"1" help:"of the requests, where they are sampled"`
	Requests int     `knob:"requests" min:"1000" max:"1000000" help:"how many come"`
}

// LoggingCost measures what a log costs while half of all requests are refused.
func LoggingCost() trial.Trial {
	return trial.Trial{
		Name: "logging-cost", Title: "The price of a log", Chapter: 8,
		Question: "The service is overloaded and refuses every second request, which costs it next to nothing. What does a line for each request cost it?",
		Lesson:   "Refusing must stay cheap: under overload a line for each refusal is a second overload, so sample.",
		Knobs:    func() any { return &loggingKnobs{Lines: "sampled", Share: .01, Requests: 100_000} },
		Wrong:    map[string]any{"lines": "all"}, Right: map[string]any{"lines": "sampled"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return logging(ctx, env, *knobs.(*loggingKnobs), tell)
		},
	}
}

// logged is what one way of logging cost.
type logged struct {
	mode  string
	lines uint64
	bytes int64
	each  time.Duration // for a request
}

func logging(ctx context.Context, env trial.Env, k loggingKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{
		Component: "log/slog as JSON into a file",
		Columns:   []trial.Column{{Title: "lines for"}, {Title: "lines"}, {Title: "bytes"}, {Title: "a request takes", Unit: "ns"}},
	}
	modes := []string{"off", "sampled", "errors", "all"}
	var chosen, off logged
	for i, mode := range modes {
		tell(trial.Step{Text: "lines for " + mode, Done: i, Total: len(modes)})
		m, err := logAs(ctx, env, mode, k)
		if err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, []string{mode, fmt.Sprint(m.lines), fmt.Sprint(m.bytes), fmt.Sprint(m.each.Nanoseconds())})
		if mode == k.Lines {
			chosen = m
		}
		if mode == "off" {
			off = m
		}
	}
	out.Claims = []trial.Claim{
		claim(chosen.lines*20 <= uint64(k.Requests), "There is at most one line for twenty requests", fmt.Sprintf("%d lines for %d", chosen.lines, k.Requests)),
		claim(chosen.bytes <= int64(k.Requests)*20, "The log grows by at most 20 bytes for a request", fmt.Sprintf("%.1f bytes", float64(chosen.bytes)/float64(k.Requests))),
	}
	out.Notes = []trial.Note{{Title: "What a line costs", Text: fmt.Sprintf("Without a log a request takes %v here, with the chosen one %v.", off.each, chosen.each)}}
	return out, nil
}

// logAs serves the requests with one way of logging.
func logAs(ctx context.Context, env trial.Env, mode string, k loggingKnobs) (_ logged, err error) {
	file, err := os.Create(filepath.Join(env.Dir, "requests-"+mode+".log"))
	if err != nil {
		return logged{}, fmt.Errorf("make the log: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	j, err := journal.New(env.Clock, 1024, journal.Settings{Mode: journal.Mode(mode), Share: k.Share})
	if err != nil {
		return logged{}, err
	}
	w := bufio.NewWriterSize(file, 64<<10)
	j.Tee(slog.NewJSONHandler(w, nil))
	refuse := lab.Refuse(lab.Shed, "queue_full", time.Second)
	h := j.Wrap("a", []string{"read"}, lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
		if r.ID%2 == 0 {
			return refuse
		}
		return lab.Response{}
	}))
	began := env.Clock.Now()
	for n := range k.Requests {
		if n%10_000 == 0 && ctx.Err() != nil {
			return logged{}, ctx.Err()
		}
		h.Serve(ctx, &lab.Request{ID: uint64(n + 1), User: uint64(n % 1000)})
	}
	if err := w.Flush(); err != nil {
		return logged{}, fmt.Errorf("write the log: %w", err)
	}
	took := env.Clock.Now() - began
	info, err := file.Stat()
	if err != nil {
		return logged{}, fmt.Errorf("measure the log: %w", err)
	}
	return logged{mode, j.Counts().Written, info.Size(), took / time.Duration(k.Requests)}, nil
}
