package queue

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/broker"
	"workbench/lab/broker/kafka"
	"workbench/lab/trial"
)

// transactionKnobs are the knobs of the transactions trial.
type transactionKnobs struct {
	Transaction bool   `knob:"transaction" help:"the outputs of a batch and the group's place behind its inputs are one transaction"`
	Reader      string `knob:"reader" options:"committed,uncommitted" help:"whether the reader of the outputs waits until a transaction has ended, and leaves out what was aborted"`
	Batch       int    `knob:"batch" min:"1" max:"20" help:"inputs that are read, written on and committed together"`
	Crashes     int    `knob:"crashes" min:"1" max:"5" help:"how often the worker dies between its outputs and its commit"`
}

const (
	flowInputs    = 120
	readCommitted = "committed"
	readAll       = "uncommitted"
)

// Transactions has a worker die between the outputs of a batch and the commit of
// its place.
func Transactions() trial.Trial {
	return trial.Trial{
		Name: "kafka-transactions", Title: "Read, written on, and written twice", Chapter: 6,
		Question: "A worker reads payments from one topic and writes bookings to another, ten at a time. Three times it dies between the bookings and the commit of its place. How many bookings does the next service see twice?",
		Lesson:   "Outputs and offsets in one transaction are had together or not at all, for readers that wait for the commit; for anybody else, and for any effect outside the log, it is no help.",
		Knobs:    func() any { return &transactionKnobs{Transaction: true, Reader: readCommitted, Batch: 10, Crashes: 3} },
		Wrong:    map[string]any{"transaction": false},
		Right:    map[string]any{"transaction": true, "reader": readCommitted},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return transactions(ctx, env, *knobs.(*transactionKnobs), tell)
		},
	}
}

func transactions(ctx context.Context, env trial.Env, k transactionKnobs, tell func(trial.Step)) (out trial.Result, err error) {
	server, end, err := kafkaServer(env)
	if err != nil {
		return out, err
	}
	defer end()
	out.Component = server.Label
	out.Columns = []trial.Column{
		{Title: "The worker"}, {Title: "Its crashes"}, {Title: "Inputs"}, {Title: "Inputs read"}, {Title: "A reader of what is"}, {Title: "finds outputs"}, {Title: "Of which again"}, {Title: "Missing"},
	}
	for _, way := range []bool{false, true} {
		title := "writes, then commits its place"
		if way {
			title = "does both in a transaction"
		}
		tell(trial.Step{Text: "the worker " + title})
		got, err := crashFlow(ctx, env, server, k, way)
		if err != nil {
			return out, fmt.Errorf("a worker that %s: %w", title, err)
		}
		for _, reader := range []string{readAll, readCommitted} {
			seen := got.seen[reader]
			missing, twice, found := seen.count(flowInputs)
			out.Rows = append(out.Rows, []string{
				title, fmt.Sprint(got.crashes), fmt.Sprint(flowInputs), fmt.Sprint(got.read), reader, fmt.Sprint(found), fmt.Sprint(twice), fmt.Sprint(missing),
			})
			if way == k.Transaction && reader == k.Reader {
				out.Claims = []trial.Claim{
					trial.Exactly("Times the worker died between its outputs and its commit", got.crashes, k.Crashes),
					trial.Exactly("Outputs that the reader finds again", twice, 0),
					trial.Exactly("Outputs that the reader misses", missing, 0),
				}
			}
		}
	}
	return out, nil
}

// flowed is what came of a flow.
type flowed struct {
	crashes, read int
	seen          map[string]*effects // by reader: the outputs it found
}

// crashFlow puts the inputs through a worker that dies, and is started again
// under its name, until its place is behind the last of them.
func crashFlow(ctx context.Context, env trial.Env, server kafka.Server, k transactionKnobs, transaction bool) (got flowed, err error) {
	name := queueName(env)
	in, err := kafka.Open(ctx, server, broker.Default(name+".payments"))
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, shut(ctx, in)) }()
	out, err := kafka.Open(ctx, server, broker.Default(name+".bookings"))
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, shut(ctx, out)) }()
	for i := range flowInputs {
		if err := in.Publish(ctx, broker.Message{ID: fmt.Sprintf("payment-%d", i), Key: fmt.Sprintf("account-%d", i%17), Body: []byte(`{"amount":1}`)}); err != nil {
			return got, err
		}
	}
	working, end := context.WithCancel(ctx)
	defer end()
	done, batches := 0, 0
	flow := kafka.Flow{
		To: out, Worker: "bookkeeper", Batch: k.Batch, Transaction: transaction,
		Make: func(m broker.Message) broker.Message {
			return broker.Message{ID: "booking-of-" + m.ID, Key: m.Key, Body: m.Body}
		},
		Sent: func(n int) error {
			got.read += n
			if batches++; batches%2 == 1 || got.crashes == k.Crashes {
				return nil
			}
			got.crashes++
			return broker.ErrCrash
		},
		Done: func(n int) {
			if done += n; done >= flowInputs {
				end()
			}
		},
	}
	for done < flowInputs {
		if err := in.Flow(working, flow); !errors.Is(err, broker.ErrCrash) && done < flowInputs {
			return got, err
		}
	}
	got.seen = map[string]*effects{}
	for reader, committed := range map[string]bool{readAll: false, readCommitted: true} {
		found, err := out.Read(ctx, committed)
		if err != nil {
			return got, err
		}
		e := &effects{times: map[string]int{}}
		for _, m := range found {
			e.have(m.ID, false)
		}
		got.seen[reader] = e
	}
	return got, nil
}
