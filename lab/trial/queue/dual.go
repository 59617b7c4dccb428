package queue

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"workbench/lab/broker"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// dualKnobs are the knobs of the dual-write trial.
type dualKnobs struct {
	Way   string `knob:"way" options:"outbox,store-first,publish-first" help:"how an order is stored and told of"`
	Kills int    `knob:"kills" min:"1" max:"20" help:"how often the process is killed between the two"`
}

// perRound is how many numbers a round has for its orders.
const perRound = 20

// DualWrite kills a process between storing an order and telling of it.
func DualWrite() trial.Trial {
	return trial.Trial{
		Name: "dual-write", Title: "Stored, and nobody told", Chapter: 6,
		Question: "A service stores an order and then publishes its event. Six times its process is killed between the two. Of how many orders does nobody ever hear?",
		Lesson:   "Two writes in two systems are never one: with the event in the order's own transaction and a relay behind it none is lost, and some are told twice.",
		Knobs:    func() any { return &dualKnobs{Way: viaOutbox, Kills: 6} },
		Wrong:    map[string]any{"way": storeFirst},
		Right:    map[string]any{"way": viaOutbox},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return dualWrite(ctx, env, *knobs.(*dualKnobs), tell)
		},
	}
}

// dualWrite tries the brokers that outlive the kill of the process that
// publishes.
func dualWrite(ctx context.Context, env trial.Env, k dualKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{Columns: []trial.Column{
		{Title: "Broker"}, {Title: "Way"}, {Title: "Kills"}, {Title: "Orders stored"}, {Title: "Of which nobody hears"}, {Title: "Told of, and never stored"}, {Title: "Told of twice"},
	}}
	if len(env.Self) == 0 {
		return out, fmt.Errorf("a process of its own, which is to be killed: %w; run it with the workbench program", trial.ErrMissing)
	}
	brokers := []string{"sqlite"}
	for _, given := range []struct{ name, address string }{{"redis", env.Redis}, {"rabbitmq", env.RabbitMQ}, {"kafka", env.Kafka}} {
		if given.address != "" {
			brokers = append(brokers, given.name)
		}
	}
	var labels []string
	lost, never, again := 0, 0, 0
	for _, name := range brokers {
		for _, way := range []string{storeFirst, publishFirst, viaOutbox} {
			got, err := killRounds(ctx, env, name, way, k.Kills, tell)
			if err != nil {
				return out, fmt.Errorf("%s, %s: %w", name, way, err)
			}
			out.Rows = append(out.Rows, []string{name, way, fmt.Sprint(k.Kills), fmt.Sprint(got.orders), fmt.Sprint(got.lost), fmt.Sprint(got.phantom), fmt.Sprint(got.twice)})
			if way == k.Way {
				lost, never, again = lost+got.lost, never+got.phantom, again+got.twice
			}
			if way == storeFirst {
				labels = append(labels, got.label)
			}
		}
	}
	out.Component = "SQLite file with the orders; events in " + component(labels)
	out.Claims = []trial.Claim{
		trial.Exactly("Stored orders of which nobody hears", lost, 0),
		trial.Exactly("Orders that were told of and never stored", never, 0),
		trial.AtMost("Orders told of twice, once for a kill at the most", float64(again), float64(k.Kills*len(brokers)), ""),
	}
	return out, nil
}

// tally is what has come of some rounds.
type tally struct {
	label                        string
	orders, lost, phantom, twice int
}

// killRounds has a process take orders and kills it, again and again, and then
// compares what is stored with what was told of.
func killRounds(ctx context.Context, env trial.Env, name, way string, kills int, tell func(trial.Step)) (out tally, err error) {
	v := victim{
		Way: way, Broker: name, Queue: queueName(env), Dir: filepath.Join(env.Dir, name+"-"+way),
		Redis: env.Redis, RabbitMQ: env.RabbitMQ, Kafka: env.Kafka,
	}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return out, err
	}
	luck := dist.New(env.Seed, "kill")
	for round := range kills {
		tell(trial.Step{Text: fmt.Sprintf("%s, %s: kill", name, way), Done: round + 1, Total: kills})
		v.From = round * perRound
		v.Stop = v.From + 1 + int(luck.Float64()*(perRound-2))
		v.After = round%2 == 1
		if err := kill(ctx, env.Self, v); err != nil {
			return out, err
		}
	}
	s, err := openShop(ctx, v.Dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	b, end, err := openDual(ctx, env, v.Broker, v.Queue, v.Dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, end(ctx)) }()
	if err := s.relay(ctx, env, b); err != nil {
		return out, err
	}
	told, err := hear(ctx, env, b)
	if err != nil {
		return out, err
	}
	orders, err := s.orders(ctx)
	if err != nil {
		return out, err
	}
	return compare(b.Caps().Label, orders, told), nil
}

// compare counts where what is stored and what was told of differ.
func compare(label string, orders map[string]bool, told map[string]int) tally {
	out := tally{label: label, orders: len(orders)}
	for id := range orders {
		if told[id] == 0 {
			out.lost++
		}
	}
	for id, n := range told {
		if !orders[id] {
			out.phantom++
		}
		if n > 1 {
			out.twice++
		}
	}
	return out
}

// kill starts a victim, waits until it has come to where it is to die, and kills
// its process as kill -9 would.
func kill(ctx context.Context, self []string, v victim) error {
	c := exec.CommandContext(ctx, self[0], self[1:]...)
	var said strings.Builder
	c.Stderr, c.WaitDelay = &said, time.Second
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start a process to be killed: %w", err)
	}
	err = json.NewEncoder(in).Encode(v)
	line := bufio.NewScanner(out)
	there := err == nil && line.Scan() && line.Text() == between
	killed := c.Process.Kill()
	ended := c.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !there:
		return fmt.Errorf("the process that was to be killed ended by itself (%w): %s", errors.Join(err, ended), said.String())
	case killed != nil || !errors.As(ended, &exit) || exit.ExitCode() == 0:
		return fmt.Errorf("the process that was to be killed ended with %w", errors.Join(killed, ended))
	}
	return nil
}

// relay publishes what waits in the outbox.
func (s *shop) relay(ctx context.Context, env trial.Env, b broker.Broker) error {
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.box.Relay(working, b) }()
	defer func() { stop(); <-ended }() // its error is that we have ended it
	for {
		l, err := s.box.Lag(ctx)
		if err != nil || l.Waiting == 0 {
			return err
		}
		if err := env.Clock.Wait(ctx, env.Clock.Now()+time.Millisecond); err != nil {
			return err
		}
	}
}

// orders returns what is stored.
func (s *shop) orders(ctx context.Context) (out map[string]bool, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id FROM orders")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, rows.Err()
}

// hear takes all messages out of a queue and counts how often each order was
// told of. What the broker merely delivers again is not told again.
func hear(ctx context.Context, env trial.Env, b broker.Broker) (map[string]int, error) {
	var mu sync.Mutex
	told := map[string]int{}
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- broker.Keep(working, env.Clock, b, broker.Options{}, func(_ context.Context, m broker.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if m.Attempt == 1 {
				told[m.ID]++
			}
			return nil
		}, nil)
	}()
	for empty := 0; empty < 3; { // a broker may learn late what it holds
		d, err := b.Depth(ctx)
		if err != nil {
			stop()
			<-ended
			return nil, err
		}
		if empty++; d.Ready+d.Unacked > 0 {
			empty = 0
		}
		if err := env.Clock.Wait(ctx, env.Clock.Now()+20*time.Millisecond); err != nil {
			break
		}
	}
	stop()
	<-ended // its error is that we have ended it
	return told, ctx.Err()
}
