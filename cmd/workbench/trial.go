package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"workbench/lab/knob"
	"workbench/lab/trial"
	triallist "workbench/lab/trial/list"
	"workbench/lab/trial/runner"
	"workbench/sim/clock"
)

// The errors of a trial that came out as it should not.
var (
	errTrial = errors.New("not every claim holds")
	errWrong = errors.New("with the wrong settings every claim held: this machine does not show the difference")
)

// tryOut is the subcommand that runs an experiment on real components.
func tryOut(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("trial NAME", flag.ContinueOnError)
	changes := map[string]any{}
	fs.Func("set", "set `KNOB=VALUE`; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("got %q, want KNOB=VALUE", text)
		}
		changes[name] = value
		return nil
	})
	wrong := fs.Bool("wrong", false, "run with the wrong settings: a claim is to fail then, and the exit code is 0 when one does")
	both := fs.Bool("both", false, "run with the wrong settings, then with the right ones")
	seed := fs.Uint64("seed", defaultSeed, "draw chance from seed `N`")
	asJSON := fs.Bool("json", false, "print a JSON object")
	env := p.trialFlags(fs)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	one, err := chosenTrial(rest)
	if err != nil {
		return err
	}
	names := []string{runner.Right}
	switch {
	case *both && *wrong:
		return usagef("flags --wrong and --both: want one of them")
	case (*both || *wrong) && one.Wrong == nil:
		return usagef("trial %s has no wrong way", one.Name)
	case *both:
		names = []string{runner.Wrong, runner.Right}
	case *wrong:
		names = []string{runner.Wrong}
	case changesASide(one, changes):
		names = []string{runner.Yours}
	}
	parts, err := runner.OfTrial(one, changes, names...)
	if err != nil {
		return usagef("%w", err)
	}
	e := env()
	e.Seed = *seed
	return p.runTrial(ctx, one, e, parts, *asJSON)
}

// chosenTrial returns the trial that the arguments name.
func chosenTrial(rest []string) (trial.Trial, error) {
	var known []string
	for _, t := range triallist.Trials() {
		known = append(known, t.Name)
	}
	if len(rest) != 1 {
		return trial.Trial{}, usagef("got %d trials, want one of %s", len(rest), strings.Join(known, ", "))
	}
	one, ok := triallist.Find(rest[0])
	if !ok {
		return one, usagef("trial %q: unknown, want one of %s", rest[0], strings.Join(known, ", "))
	}
	return one, nil
}

// changesASide reports whether settings go against the right ones: then they
// are one's own.
func changesASide(t trial.Trial, changes map[string]any) bool {
	for name := range changes {
		if _, ok := t.Right[name]; ok {
			return true
		}
	}
	return t.Right == nil
}

// trialFlags adds the flags of what a trial works with. The function returned
// makes its environment once they are read.
func (p *program) trialFlags(fs *flag.FlagSet) func() trial.Env {
	dir := p.dataDir()
	if v := p.env("WORKBENCH_DATA"); v != "" {
		dir = v
	}
	fs.StringVar(&dir, "data", dir, "keep what is made once, such as a million rows, in `DIR`")
	e := p.trialEnv()
	for _, s := range []setting{
		{"redis", "WORKBENCH_REDIS", "use the Redis at `URL` (default: our own)", &e.Redis},
		{"rabbitmq", "WORKBENCH_RABBITMQ", "use the RabbitMQ at `URL`", &e.RabbitMQ},
		{"kafka", "WORKBENCH_KAFKA", "use the Kafka at `ADDRS`, host:port with commas between", &e.Kafka},
		{"postgres", "WORKBENCH_POSTGRES", "use the PostgreSQL at `URL`", &e.Postgres},
	} {
		fs.StringVar(s.value, s.flag, *s.value, s.help+"; or "+s.variable)
	}
	return func() trial.Env {
		e.Keep = keepIn(dir)
		return e
	}
}

// keepIn returns where trials keep what is made once, below the data directory.
func keepIn(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "trials")
}

// trialEnv returns what trials work with by the environment's variables.
func (p *program) trialEnv() trial.Env {
	return trial.Env{
		Self:  asVictim(),
		Clock: clock.NewWall(), Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn})), Seed: defaultSeed,
		Redis: p.env("WORKBENCH_REDIS"), RabbitMQ: p.env("WORKBENCH_RABBITMQ"), Kafka: p.env("WORKBENCH_KAFKA"), Postgres: p.env("WORKBENCH_POSTGRES"),
	}
}

// triedOut is a run of a trial in JSON.
type triedOut struct {
	Trial    string           `json:"trial"`
	Title    string           `json:"title"`
	Seed     uint64           `json:"seed"`
	Outcomes []runner.Outcome `json:"outcomes"`
	OK       bool             `json:"ok"` // lost with the wrong settings, won with the others
}

// runTrial runs the parts and prints what they measured.
func (p *program) runTrial(ctx context.Context, one trial.Trial, env trial.Env, parts []runner.Part, asJSON bool) error {
	out := triedOut{Trial: one.Name, Title: one.Title, Seed: env.Seed, Outcomes: []runner.Outcome{}, OK: true}
	if !asJSON {
		fmt.Fprintf(p.out, "%s: %s\n", one.Name, one.Title)
	}
	var verdict error
	for _, part := range parts {
		bar := p.bar(one.Name + ", " + part.Name)
		o, err := runner.Do(ctx, env, 0, part, bar.tell)
		bar.end()
		if err != nil {
			return fmt.Errorf("trial %s: %w", one.Name, err)
		}
		out.Outcomes = append(out.Outcomes, o)
		switch {
		case part.Name == runner.Wrong && o.Won:
			verdict = errors.Join(verdict, errWrong)
		case part.Name != runner.Wrong && !o.Won:
			verdict = errors.Join(verdict, errTrial)
		}
		if !asJSON {
			if err := printOutcome(p.out, o); err != nil {
				return err
			}
		}
	}
	out.OK = verdict == nil
	if asJSON {
		return errors.Join(writeJSON(p.out, out), verdict)
	}
	fmt.Fprintf(p.out, "\n%s\n", one.Lesson)
	return verdict
}

// tell shows what a trial is doing.
func (b *bar) tell(s trial.Step) {
	if b == nil {
		return
	}
	fmt.Fprintf(b.w, "\r%s: %s \x1b[K", b.name, stepText(s))
	b.drawn = true
}

func stepText(s trial.Step) string {
	if s.Total == 0 {
		return s.Text
	}
	return fmt.Sprintf("%s, %s of %s", s.Text, trial.Count(s.Done), trial.Count(s.Total))
}

// printOutcome writes what one part measured, for a person.
func printOutcome(w io.Writer, o runner.Outcome) error {
	r := o.Result
	var set []string
	for _, name := range sortedKeys(o.Settings) {
		set = append(set, name+"="+o.Settings[name])
	}
	fmt.Fprintf(w, "\n%s settings: %s\n%s; %.1f s\n\n", o.Part, strings.Join(set, " "), r.Component, o.TookS)
	head := []string{}
	for _, c := range r.Columns {
		title := strings.ToUpper(c.Title)
		if c.Unit != "" {
			title += ", " + c.Unit
		}
		head = append(head, title)
	}
	if err := columns(w, append([][]string{head}, r.Rows...)); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, c := range r.Claims {
		mark := "✗"
		if c.OK {
			mark = "✓"
		}
		fmt.Fprintf(w, "  %s %s (measured: %s)\n", mark, c.Text, c.Got)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\n  %s\n    %s\n", n.Title, strings.ReplaceAll(n.Text, "\n", "\n    "))
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// listedTrial is a trial in the list's JSON.
type listedTrial struct {
	Name     string      `json:"name"`
	Title    string      `json:"title"`
	Chapter  int         `json:"chapter"`
	Question string      `json:"question"`
	Lesson   string      `json:"lesson"`
	Long     string      `json:"long,omitempty"`
	Needs    string      `json:"needs,omitempty"`
	Knobs    []knob.Info `json:"knobs"`
}

func (p *program) trials() (any, [][]string, error) {
	out := []listedTrial{}
	rows := [][]string{{"TRIAL", "CHAPTER", "NEEDS", "TITLE", "KNOBS AND THE RIGHT SETTINGS"}}
	for _, t := range triallist.Trials() {
		one := listedTrial{t.Name, t.Title, t.Chapter, t.Question, t.Lesson, t.Long, t.Needs, []knob.Info{}}
		if t.Knobs != nil {
			one.Knobs = knob.Describe(t.Knobs())
		}
		out = append(out, one)
		rows = append(rows, []string{t.Name, fmt.Sprint(t.Chapter), t.Needs, t.Title, settings(one.Knobs)})
	}
	return out, rows, nil
}
