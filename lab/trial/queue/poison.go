package queue

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/broker"
	"workbench/lab/trial"
)

// poisonKnobs are the knobs of the poison trial.
type poisonKnobs struct {
	Recognise bool `knob:"recognise" help:"a worker says of a message that can never be handled that it is so"`
}

const poisonJobs = 50

// errHandled is what a worker says of a message that it cannot read when it does
// not recognise it: try again.
var errHandled = errors.New("cannot read the message")

// Poison puts one message among the others that nobody can ever handle.
func Poison() trial.Trial {
	return trial.Trial{
		Name: "poison", Title: "A message that nobody can handle", Chapter: 6,
		Question: "One of fifty messages cannot be read. How often do the workers try it before they give it up?",
		Lesson:   "A message that can never be handled is put aside at once, where somebody looks at it; else it is tried again and again, and may hold up those behind it.",
		Knobs:    func() any { return &poisonKnobs{Recognise: true} },
		Wrong:    map[string]any{"recognise": false},
		Right:    map[string]any{"recognise": true},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return poison(ctx, env, *knobs.(*poisonKnobs), tell)
		},
	}
}

func poison(ctx context.Context, env trial.Env, k poisonKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{Columns: []trial.Column{{Title: "Broker"}, {Title: "Handled"}, {Title: "Tries of the poison"}, {Title: "Dead letters"}}}
	most, lost, aside := 0, 0, true
	labels, err := each(ctx, env, func(b bench) error {
		tell(trial.Step{Text: "poisoning " + b.Title})
		handled, tries, dead, err := poisonOne(ctx, b, k)
		if err != nil {
			return err
		}
		kept := "keeps none"
		if b.Caps().DeadLetter {
			kept = fmt.Sprint(dead)
			aside = aside && dead == 1
		}
		most, lost = max(most, tries), lost+poisonJobs-handled
		out.Rows = append(out.Rows, []string{b.Title, fmt.Sprintf("%d of %d", handled, poisonJobs), fmt.Sprint(tries), kept})
		return nil
	})
	out.Component = component(labels)
	out.Claims = []trial.Claim{
		{Text: "All others are handled", OK: lost == 0, Got: fmt.Sprintf("%d not handled", lost)},
		{Text: "Where a broker keeps dead letters the message is there", OK: aside, Got: fmt.Sprint(aside)},
		{Text: "The message is tried once", OK: most <= 1, Got: fmt.Sprintf("%d times", most)},
	}
	return out, err
}

func poisonOne(ctx context.Context, b bench, k poisonKnobs) (handled, tries int, dead int64, err error) {
	good, bad := &effects{times: map[string]int{}}, &effects{times: map[string]int{}}
	working, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- broker.Keep(working, b.clock, b, broker.Options{}, func(_ context.Context, m broker.Message) error {
			switch {
			case string(m.Body) != "poison":
				good.have(m.ID, true)
				return nil
			case k.Recognise:
				bad.have(m.ID, false)
				return broker.ErrPoison
			default:
				bad.have(m.ID, false)
				return errHandled
			}
		}, nil)
	}()
	for i := range poisonJobs + 1 {
		body := "{}"
		if i == poisonJobs/2 {
			body = "poison"
		}
		if err = b.Publish(ctx, broker.Message{ID: fmt.Sprintf("job-%d", i), Key: fmt.Sprint(i % 5), Body: []byte(body)}); err != nil {
			break
		}
	}
	all := &effects{times: map[string]int{}}
	if err == nil {
		err = b.rest(ctx, all, func() bool {
			l, _, _ := good.count(poisonJobs)
			d, failed := b.Depth(ctx)
			return failed == nil && l == 0 && (d.Dead == 1 || !b.Caps().DeadLetter)
		})
	}
	if d, failed := b.Depth(ctx); failed == nil {
		dead = d.Dead
	}
	end()
	<-ended // its error is that we have ended it
	lost, _, _ := good.count(poisonJobs)
	_, _, tries = bad.count(0)
	return poisonJobs - lost, tries, dead, err
}
