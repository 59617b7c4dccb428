package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
	"workbench/lab/trial/queue"
	"workbench/lab/trial/runner"
)

// queues is what chapter 6 prints.
func queues() []Program {
	return []Program{
		backlog(), duplicates(), delivery(), dualWrite(), partitions(),
		form("queues.fill.seconds", "s", 0, "until a queue of 200 is full: 8 jobs a second come, 5 are done", "200/(8-5)", func() (float64, error) { return 200. / (8 - 5), nil }),
		form("queues.drain.minutes", "min", 0, "until 36,000 jobs are worked off: 50 a second are done, 40 more come", "36000/(50-40)/60", func() (float64, error) { return 36_000. / (50 - 40) / 60, nil }),
		form("queues.drain.wider", "min", 0, "the same with 70 done a second", "36000/(70-40)/60", func() (float64, error) { return 36_000. / (70 - 40) / 60, nil }),
	}
}

// backlog fills a bounded queue second by second and notes when it first
// refuses, and how old its oldest job is by then.
func backlog() Program {
	const room, come, done = 200, 8, 5
	return Program{
		ID: "queues.backlog",
		Figures: []guide.Figure{
			counted("refuses", "s", 0, "until a queue of 200 refuses its first job, counted: 8 come a second, 5 are done"),
			counted("age", "s", 0, "that a job waits when that queue is full: its place over the pace of the workers"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			inside, second := 0, 0
			for ; inside <= room; second++ {
				inside = max(0, inside+come-done)
			}
			return map[string]float64{"refuses": float64(second), "age": float64(room) / done}, nil
		},
	}
}

// duplicates sends each of 200 orders twenty times at once.
func duplicates() Program {
	const orders, copies = 200, 20
	return Program{
		ID: "queues.duplicates",
		Figures: []guide.Figure{
			counted("checked", "", 0, "charges for 200 orders, each sent 20 times at once, check then act"),
			counted("reserved", "", 0, "charges for 200 orders, each sent 20 times at once, key reserved first"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			var charged atomic.Int64
			charge := func(context.Context) (string, error) { charged.Add(1); return "receipt", nil }
			each := func(do func(key string, all *sync.WaitGroup) error) (float64, error) {
				charged.Store(0)
				for i := range orders {
					var together sync.WaitGroup // all have looked before one goes on
					together.Add(copies)
					key := fmt.Sprint("order-", i)
					if err := code.Each(ctx, copies, copies, func(context.Context, int) error { return do(key, &together) }); err != nil {
						return 0, err
					}
				}
				return float64(charged.Load()), nil
			}
			naive, safe := &code.Checked{}, &code.Reserved{}
			checked, err := each(func(key string, together *sync.WaitGroup) error {
				_, err := naive.Do(ctx, key, func() { together.Done(); together.Wait() }, charge)
				return err
			})
			if err != nil {
				return nil, err
			}
			reserved, err := each(func(key string, together *sync.WaitGroup) error {
				together.Done()
				together.Wait()
				_, err := safe.Do(ctx, key, "body", charge)
				return err
			})
			return map[string]float64{"checked": checked, "reserved": reserved}, err
		},
	}
}

// delivery lets a worker crash at every tenth message.
func delivery() Program {
	const messages, nth = 1000, 10
	return Program{
		ID: "queues.delivery",
		Figures: []guide.Figure{
			counted("lost", "", 0, "of 1,000 messages never worked on: acknowledged first, a crash at every tenth"),
			counted("repeated", "", 0, "of 1,000 messages worked on twice or more: acknowledged last, a crash at every tenth"),
			counted("effects", "", 0, "effects of 1,000 messages: acknowledged last, and noted what was done"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			crash := func() func() bool {
				n := 0
				return func() bool { n++; return n%nth == 0 }
			}
			early, late, effects := map[int]int{}, map[int]int{}, 0
			code.Early(code.NewMailbox(messages), func(id int) { early[id]++ }, crash())
			code.Late(code.NewMailbox(messages), func(id int) { late[id]++ }, crash())
			code.Late(code.NewMailbox(messages), code.Once(func(int) { effects++ }), crash())
			repeated := 0
			for _, n := range late {
				if n > 1 {
					repeated++
				}
			}
			return map[string]float64{"lost": float64(messages - len(early)), "repeated": float64(repeated), "effects": float64(effects)}, nil
		},
	}
}

// dualWrite places 200 orders; the process ends after every tenth was stored.
func dualWrite() Program {
	const orders, nth = 200, 10
	return Program{
		ID: "queues.outbox",
		Figures: []guide.Figure{
			counted("lost", "", 0, "of 200 stored orders nobody is told of: the process ends after every tenth was stored"),
			counted("outbox-lost", "", 0, "of 200 stored orders nobody is told of, with an outbox"),
			counted("outbox-twice", "", 0, "of 200 events published twice, with an outbox: the relay ends after every tenth publication"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			db, done, err := open(ctx, `CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); CREATE TABLE outbox (id INTEGER PRIMARY KEY, event TEXT)`)
			if err != nil {
				return nil, err
			}
			defer done() // an error leaves a scratch folder behind
			told := map[string]int{}
			for i := range orders {
				err := code.PlaceAndTell(ctx, db, fmt.Sprint("direct-", i), func(event string) error {
					if (i+1)%nth == 0 {
						return code.ErrCrash
					}
					told[event]++
					return nil
				})
				if err != nil && !errors.Is(err, code.ErrCrash) {
					return nil, err
				}
			}
			direct := len(told)
			for i := range orders {
				if err := code.Place(ctx, db, fmt.Sprint("noted-", i)); err != nil {
					return nil, err
				}
			}
			clear(told)
			published := 0
			for crashed := true; crashed; {
				err := code.Relay(ctx, db, func(event string) error {
					told[event]++
					if published++; published%nth == 0 {
						return code.ErrCrash
					}
					return nil
				})
				if crashed = errors.Is(err, code.ErrCrash); err != nil && !crashed {
					return nil, err
				}
			}
			twice := 0
			for _, n := range told {
				if n > 1 {
					twice++
				}
			}
			return map[string]float64{"lost": float64(orders - direct), "outbox-lost": float64(orders - len(told)), "outbox-twice": float64(twice)}, nil
		},
	}
}

// partitions asks the brokers of the trials what a key and a prefetch do.
func partitions() Program {
	return Program{
		ID: "queues.partitions",
		Figures: []guide.Figure{
			counted("customer", "%", 0, "of the messages in the fullest of four partitions, keyed by customer: one has four of five"),
			counted("order", "%", 0, "of the messages in the fullest of four partitions, keyed by order"),
			counted("second", "", 0, "of 120 jobs that a second worker does, with all held by the first"),
			counted("stranded", "", 0, "of 120 jobs that wait for the first worker while the second is idle"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			env := runner.Bare()
			customer, err := queue.Fullest(ctx, env, "customer")
			if err != nil {
				return nil, err
			}
			order, err := queue.Fullest(ctx, env, "order")
			if err != nil {
				return nil, err
			}
			second, stranded, err := queue.Hoard(ctx, env)
			if err != nil {
				return nil, err
			}
			return map[string]float64{"customer": customer, "order": order, "second": float64(second), "stranded": float64(stranded)}, nil
		},
	}
}
