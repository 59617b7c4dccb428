package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/zmq"
	"workbench/lab/trial"
)

// slowKnobs are the knobs of the slow subscriber trial.
type slowKnobs struct {
	Full string `knob:"full" options:"wait,drop" help:"what the publisher does when a subscriber's queue is full: wait for room, or forget the message for that subscriber"`
	Mark int    `knob:"mark" unit:"messages" min:"1" max:"2000" help:"the high-water mark: how many messages may wait for one subscriber"`
}

// What is published, and how long the slow one takes.
const (
	newsSent  = 1200
	newsSize  = 8 << 10
	newsEvery = 500 * time.Microsecond
	slowTakes = 2 * time.Millisecond
)

// SlowSubscriber has one of two subscribers be slower than the publisher.
func SlowSubscriber() trial.Trial {
	return trial.Trial{
		Name: "slow-subscriber", Title: "What the slow one never gets", Chapter: 6,
		Question: "ZeroMQ publishes 1,200 messages, 2,000 a second; one subscriber takes 500 a second, and 100 may wait for it. How many does it never get, and who is told?",
		Lesson:   "PUB drops at the high-water mark and tells nobody: number your messages, or have the publisher wait, which makes the slowest subscriber the pace of all.",
		Knobs:    func() any { return &slowKnobs{Full: string(zmq.Wait), Mark: 100} },
		Wrong:    map[string]any{"full": string(broker.Drop)},
		Right:    map[string]any{"full": string(zmq.Wait)},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return slowSubscriber(ctx, env, *knobs.(*slowKnobs), tell)
		},
	}
}

func slowSubscriber(ctx context.Context, env trial.Env, k slowKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{
		Component: "ZeroMQ PUB and SUB on loopback",
		Columns: []trial.Column{
			{Title: "When full"}, {Title: "Subscriber"}, {Title: "Sent"}, {Title: "Got"}, {Title: "Lost"}, {Title: "Lost as the gaps in its numbers say"},
			{Title: "Most that waited"}, {Title: "Published in", Unit: "s"}, {Title: "Longest wait of the publisher", Unit: "ms"},
		},
	}
	for _, full := range []broker.Policy{broker.Drop, zmq.Wait} {
		tell(trial.Step{Text: "publishing, when full: " + string(full)})
		got, err := broadcast(ctx, env, k.Mark, full)
		if err != nil {
			return out, err
		}
		for i, name := range []string{"slow", "quick"} {
			h := got.heard[i]
			out.Rows = append(out.Rows, []string{
				string(full), name, fmt.Sprint(h.sent), fmt.Sprint(h.got), fmt.Sprint(h.lost), fmt.Sprint(h.gaps),
				fmt.Sprint(h.most), fmt.Sprintf("%.2f", got.took.Seconds()), fmt.Sprintf("%.1f", got.longest.Seconds()*1e3),
			})
		}
		if string(full) == k.Full {
			slow := got.heard[0]
			out.Claims = []trial.Claim{
				trial.Exactly("Messages that the slow subscriber never gets", newsSent-slow.got, 0),
				trial.AtMost("Messages that wait for the slow subscriber", float64(slow.most), float64(k.Mark), ""),
				trial.Exactly("Messages that are neither there nor counted as lost", newsSent-slow.got-slow.lost, 0),
			}
		}
	}
	return out, nil
}

// heard is what a subscriber has got.
type heard struct {
	sent, got, lost, gaps, most int
}

// broadcasted is how a publication went; heard is of the slow one, then of the
// quick one.
type broadcasted struct {
	heard         [2]heard
	took, longest time.Duration
}

// broadcast publishes to a slow subscriber and a quick one.
func broadcast(ctx context.Context, env trial.Env, mark int, full broker.Policy) (out broadcasted, err error) {
	f, err := zmq.NewFeed(mark, full)
	if err != nil {
		return out, err
	}
	var readers sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		readers.Wait()
		err = errors.Join(err, f.Close())
	}()
	listeners := [2]*listener{{takes: slowTakes}, {}}
	for _, l := range listeners {
		if l.sub, err = f.Subscribe(ctx, "news"); err != nil {
			return out, err
		}
		readers.Go(func() { l.listen(ctx, env) })
	}
	body := make([]byte, newsSize)
	from := env.Clock.Now()
	for i := range newsSent {
		if err := env.Clock.Wait(ctx, from+time.Duration(i)*newsEvery); err != nil {
			return out, err
		}
		at := env.Clock.Now()
		if err := f.Publish(ctx, "news", body); err != nil {
			return out, err
		}
		out.longest = max(out.longest, env.Clock.Now()-at)
		for n, l := range listeners {
			out.heard[n].most = max(out.heard[n].most, l.sub.Waiting())
		}
	}
	out.took = env.Clock.Now() - from
	for n, l := range listeners {
		h := &out.heard[n]
		h.sent, h.lost = int(l.sub.Sent()), int(l.sub.Lost())
		if err := l.until(ctx, env, h.sent-h.lost); err != nil {
			return out, err
		}
		h.got, h.gaps = l.state()
	}
	return out, nil
}

// listener is one subscriber, and how long it takes for a message.
type listener struct {
	sub   *zmq.Subscription
	takes time.Duration

	mu   sync.Mutex
	got  int    // guarded by mu
	gaps int    // guarded by mu: numbers that are missing before the latest
	last uint64 // guarded by mu
}

// listen takes messages until the subscription ends.
func (l *listener) listen(ctx context.Context, env trial.Env) {
	for {
		n, err := l.sub.Next(ctx)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.got++
		l.gaps += int(n.Number - l.last - 1)
		l.last = n.Number
		l.mu.Unlock()
		if env.Clock.Wait(ctx, env.Clock.Now()+l.takes) != nil {
			return
		}
	}
}

func (l *listener) state() (got, gaps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got, l.gaps
}

// until waits until a listener has got as many messages as are on their way.
func (l *listener) until(ctx context.Context, env trial.Env, want int) error {
	for {
		if got, _ := l.state(); got >= want {
			return nil
		}
		if err := env.Clock.Wait(ctx, env.Clock.Now()+time.Millisecond); err != nil {
			return err
		}
	}
}
