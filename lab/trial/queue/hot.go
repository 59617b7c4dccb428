package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/kafka"
	"workbench/lab/trial"
)

// hotKnobs are the knobs of the hot partition trial.
type hotKnobs struct {
	Key       string `knob:"key" options:"order,customer" help:"what a message's key is, and with it what keeps its order and shares a partition"`
	Consumers int    `knob:"consumers" min:"2" max:"8" help:"consumers of the group; the topic has four partitions"`
}

// What the topic carries.
const (
	hotMessages = 300
	hotJob      = 4 * time.Millisecond
	hotOthers   = 5 // every fifth message is of another customer
	byCustomer  = "customer"
	byOrder     = "order"
)

// HotPartition has most messages come from one customer.
func HotPartition() trial.Trial {
	return trial.Trial{
		Name: "hot-partition", Title: "One key, one worker", Chapter: 6,
		Question: "Four messages of five are one customer's, and the key is the customer. A topic of four partitions gets four consumers instead of one: how much faster is it?",
		Lesson:   "A key is a partition and a partition is one worker: what one key brings no further consumer can take over. Key by the smallest thing whose order matters.",
		Knobs:    func() any { return &hotKnobs{Key: byOrder, Consumers: 4} },
		Wrong:    map[string]any{"key": byCustomer},
		Right:    map[string]any{"key": byOrder},
		Long:     "about fifteen seconds: consumers of a group take their time to agree",
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return hotPartition(ctx, env, *knobs.(*hotKnobs), tell)
		},
	}
}

func hotPartition(ctx context.Context, env trial.Env, k hotKnobs, tell func(trial.Step)) (out trial.Result, err error) {
	server, end, err := kafkaServer(env)
	if err != nil {
		return out, err
	}
	defer end()
	out.Component = server.Label
	out.Columns = []trial.Column{
		{Title: "Key"}, {Title: "Consumers"}, {Title: "Lag by partition, half of it done"}, {Title: "Consumers without work"},
		{Title: "Done by the busiest", Unit: "%"}, {Title: "All done after", Unit: "s"}, {Title: "As fast as one consumer", Unit: "×"}, {Title: "Overtaken messages of the customer"},
	}
	sizes := []int{1, k.Consumers}
	if k.Consumers != 8 {
		sizes = append(sizes, 8)
	}
	for _, key := range []string{byCustomer, byOrder} {
		var one time.Duration
		for _, n := range sizes {
			tell(trial.Step{Text: fmt.Sprintf("key %s, %d consumers", key, n)})
			got, err := drainTopic(ctx, env, server, key, n)
			if err != nil {
				return out, err
			}
			if n == 1 {
				one = got.took
			}
			faster := one.Seconds() / got.took.Seconds()
			busiest := trial.Percent(slices.Max(got.done), hotMessages)
			out.Rows = append(out.Rows, []string{
				key, fmt.Sprint(n), lagText(got.lags), fmt.Sprint(got.idle()), fmt.Sprintf("%.0f", busiest),
				fmt.Sprintf("%.2f", got.took.Seconds()), fmt.Sprintf("%.1f", faster), fmt.Sprint(got.overtaken),
			})
			if key == k.Key && n == k.Consumers {
				fair := 100 / float64(min(n, len(got.lags)))
				out.Claims = []trial.Claim{
					trial.AtMost(fmt.Sprintf("Of the messages the busiest of %d consumers does, with %.0f %% as its fair share", n, fair), busiest, 1.8*fair, "%"),
					trial.AtMost("Of what waits when half is done one partition has", worst(got.lags), 70, "%"),
					trial.OnThisMachine(trial.AtLeast(fmt.Sprintf("As fast as one consumer are %d", n), faster, .45*float64(min(n, len(got.lags))), "×")),
				}
			}
		}
	}
	return out, nil
}

// Fullest returns which share of the trial's messages, in percent, the fullest
// partition has by this key, customer or order.
func Fullest(ctx context.Context, env trial.Env, key string) (share float64, err error) {
	server, end, err := kafkaServer(env)
	if err != nil {
		return 0, err
	}
	defer end()
	b, err := kafka.Open(ctx, server, broker.Default(queueName(env)))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, shut(ctx, b)) }()
	if err := sendHot(ctx, b, key); err != nil {
		return 0, err
	}
	lags, err := b.Lags(ctx)
	if err != nil {
		return 0, err
	}
	return worst(lags), nil
}

// kafkaServer returns the Kafka that is given, or one in this process.
func kafkaServer(env trial.Env) (kafka.Server, func(), error) {
	if env.Kafka != "" {
		s, err := kafka.Real(env.Kafka)
		return s, func() {}, err
	}
	e, err := kafka.Embed("", 0)
	if err != nil {
		return kafka.Server{}, nil, err
	}
	return e.Server(false), e.Close, nil
}

// worst returns the share of all lag that the worst partition has.
func worst(lags []int64) float64 {
	var sum int64
	for _, n := range lags {
		sum += n
	}
	return trial.Percent(int(slices.Max(lags)), int(sum))
}

func lagText(lags []int64) string {
	var out []string
	for _, n := range lags {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, " · ")
}

// drained is how consumers got through the messages of a topic.
type drained struct {
	done      []int   // by consumer
	lags      []int64 // by partition, when half was done
	took      time.Duration
	overtaken int
}

func (d drained) idle() (n int) {
	for _, done := range d.done {
		if done == 0 {
			n++
		}
	}
	return n
}

// group is the consumers of one topic.
type group struct {
	mu     sync.Mutex
	probed map[int]bool    // guarded by mu: consumers that have got a probe
	probes int             // guarded by mu: handled
	seen   map[string]bool // guarded by mu: a change of the group may have one delivered again
	done   []int           // guarded by mu: by consumer
	newest int             // guarded by mu: the customer's newest message that was handled
	over   int             // guarded by mu
}

// handled notes what a consumer has done.
func (g *group) handled(consumer int, m broker.Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if string(m.Body) == "probe" {
		g.probed[consumer] = true
		g.probes++
		return
	}
	if g.seen[m.ID] {
		return
	}
	g.seen[m.ID] = true
	g.done[consumer]++
	if n := 0; m.Headers["customer"] == "0" {
		if _, err := fmt.Sscan(m.ID, &n); err == nil && n < g.newest {
			g.over++
		} else {
			g.newest = n
		}
	}
}

func (g *group) state() (probes, probed, seen int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.probes, len(g.probed), len(g.seen)
}

// drainTopic has so many consumers work off the messages of a new topic.
func drainTopic(ctx context.Context, env trial.Env, server kafka.Server, key string, consumers int) (out drained, err error) {
	b, err := kafka.Open(ctx, server, broker.Default(queueName(env)))
	if err != nil {
		return out, err
	}
	g := &group{probed: map[int]bool{}, seen: map[string]bool{}, done: make([]int, consumers)}
	working, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer func() {
		stop()
		all.Wait()
		err = errors.Join(err, shut(ctx, b))
	}()
	for i := range consumers {
		all.Go(func() { // its error is that we have ended it
			_ = broker.Keep(working, env.Clock, b, broker.Options{}, func(ctx context.Context, m broker.Message) error {
				if string(m.Body) != "probe" {
					if err := env.Clock.Wait(ctx, env.Clock.Now()+hotJob); err != nil {
						return err
					}
				}
				g.handled(i, m)
				return nil
			}, nil)
		})
	}
	if err := settleGroup(ctx, env, b, g, consumers); err != nil {
		return out, err
	}
	from := env.Clock.Now()
	if err := sendHot(ctx, b, key); err != nil {
		return out, err
	}
	for {
		_, _, seen := g.state()
		if out.lags == nil && seen >= hotMessages/2 {
			if out.lags, err = b.Lags(ctx); err != nil {
				return out, err
			}
		}
		if seen >= hotMessages {
			break
		}
		if err := env.Clock.Wait(ctx, env.Clock.Now()+time.Millisecond); err != nil {
			return out, err
		}
	}
	out.took = env.Clock.Now() - from
	g.mu.Lock()
	defer g.mu.Unlock()
	out.done, out.overtaken = slices.Clone(g.done), g.over
	return out, nil
}

// settleGroup sends probes until as many consumers have partitions as can.
func settleGroup(ctx context.Context, env trial.Env, b *kafka.Broker, g *group, consumers int) error {
	lags, err := b.Lags(ctx)
	if err != nil {
		return err
	}
	const keys = 16
	for sent := 0; ; sent += keys {
		for i := range keys {
			if err := b.Publish(ctx, broker.Message{ID: fmt.Sprintf("probe-%d", sent+i), Key: fmt.Sprint(i), Body: []byte("probe")}); err != nil {
				return err
			}
		}
		for probes := 0; probes < sent+keys; {
			if err := env.Clock.Wait(ctx, env.Clock.Now()+2*time.Millisecond); err != nil {
				return err
			}
			probes, _, _ = g.state()
		}
		if _, probed, _ := g.state(); probed >= min(consumers, len(lags)) {
			return nil
		}
	}
}

// sendHot publishes the messages: those of one customer in their order, every
// fifth of one of twenty others.
func sendHot(ctx context.Context, b *kafka.Broker, key string) error {
	for i := range hotMessages {
		customer := 0
		if i%hotOthers == hotOthers-1 {
			customer = 1 + i/hotOthers%20
		}
		m := broker.Message{ID: fmt.Sprint(i), Key: fmt.Sprintf("%s-%d", byCustomer, customer), Headers: map[string]string{"customer": fmt.Sprint(customer)}}
		if key == byOrder {
			m.Key = fmt.Sprintf("%s-%d", byOrder, i)
		}
		if err := b.Publish(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
