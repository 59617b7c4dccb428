package broker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Errors that a caller may act on.
var (
	ErrFull        = errors.New("the queue is full: publish again later, and slower")
	ErrClosed      = errors.New("the broker is closed")
	ErrUnavailable = errors.New("the broker cannot be reached: whether the message was accepted is unknown, publish it again under the same ID")
	ErrBad         = errors.New("the message itself is wrong")
	ErrUnsupported = errors.New("this broker cannot do that")
	ErrLost        = errors.New("accepted messages were lost")
)

// Errors that a handler may return, beside any other, which is a failed
// attempt.
var (
	// ErrPoison says that trying again is of no use: the message goes to the
	// dead letters at once.
	ErrPoison = errors.New("the message can never be handled")
	// ErrCrash has Consume do what a consumer that is killed would do: nothing
	// it holds is acknowledged or given back, and its connection is cut. It is
	// how the lab crashes a worker in the middle of a job.
	ErrCrash = errors.New("the consumer crashed")
)

// Broker carries messages through one queue. It is safe for concurrent use.
type Broker interface {
	// Publish hands a message over. Where Caps.Confirms, nil means that the
	// broker holds it; an error other than ErrFull, ErrClosed and ErrBad means
	// that it may or may not. ErrFull means that it does not.
	Publish(ctx context.Context, m Message) error

	// Consume hands messages to h until ctx ends, which is its error, or the
	// broker is closed, which is nil. A handler that returns nil acknowledges.
	// Any error is a failed attempt, after which the message is delivered again
	// or, after Config.Attempts of them, becomes a dead letter; so is a panic. A
	// handler that returns an error because ctx has ended gives its message back.
	// Consume may be called several times at once: each is a consumer. When the
	// connection is lost it returns ErrUnavailable, and may be called again.
	Consume(ctx context.Context, o Options, h Handler) error

	// Depth counts what the broker holds.
	Depth(ctx context.Context) (Depth, error)

	// Dead returns the oldest dead letters, at most n, and leaves them there.
	// Without Caps.DeadLetter it is ErrUnsupported.
	Dead(ctx context.Context, n int) ([]Dead, error)

	Caps() Caps

	// Close refuses new messages, waits until consumers have handled what they
	// hold, and ends every goroutine and connection. When ctx ends first, the
	// handlers' context ends too and their messages are given back. A broker
	// whose messages end with this process has its consumers work off the
	// queue first; what is left then is lost, and a LostError with its number.
	Close(ctx context.Context) error
}

// Remover is a Broker whose queue stays on a server when it is closed.
type Remover interface {
	Broker

	// Remove is Close, and deletes the queue with all that it holds, its dead
	// letters among it. It is for the last who uses the queue.
	Remove(ctx context.Context) error
}

// Handler works on a message. Its ctx ends when the consumer is to stop at
// once.
type Handler func(ctx context.Context, m Message) error

// Policy is what a full queue does with one more message.
type Policy string

// The policies.
const (
	Reject Policy = "reject" // refuses it: the publisher learns ErrFull
	Drop   Policy = "drop"   // forgets it, and counts it in Depth.Lost
	Expire Policy = "expire" // takes it; the oldest are forgotten by size and age, read or not
)

// Caps says what a broker promises.
type Caps struct {
	Confirms      bool // nil from Publish means that the broker holds the message
	Durable       bool // what it holds outlives a kill of the process that holds it
	Replay        bool // another Options.Group reads everything again from the beginning
	PerKeyOrder   bool // messages of one key are handled one at a time and in order, also by several workers and after failures
	Redelivery    bool // a failed or crashed delivery is followed by another
	CountsCrashes bool // and the crashed one counts as an attempt
	DeadLetter    bool // after Config.Attempts failures a message is kept aside
	BoundedReject bool // when full it refuses with ErrFull; see Full
	Full          Policy
	Slack         int    // by how much Capacity may be exceeded before it refuses
	Label         string // what is really behind it, for the diagram
}

// Depth counts messages. Where a broker cannot tell Ready from Unacked, Unacked
// is what consumers of this process hold.
type Depth struct {
	Ready   int64 // waiting
	Unacked int64 // delivered and not yet acknowledged
	Dead    int64 // dead letters kept
	Lost    int64 // known here to be lost: taken at most once and failed, dropped when full, or left behind at Close
}

// Config says what queue to open.
type Config struct {
	Queue        string        // name: 1 to 80 letters, digits, '-', '_' or '.'
	Capacity     int           // most messages held, waiting and unacknowledged together
	DeadCapacity int           // dead letters kept: of more, the oldest are forgotten
	Attempts     int           // deliveries of one message before it is a dead letter
	Lease        time.Duration // how long a consumer that fell silent keeps its messages, where a broker cannot see it end
}

// Default returns the settings of a queue of this name.
func Default(queue string) Config {
	return Config{Queue: queue, Capacity: 10_000, DeadCapacity: 1000, Attempts: 5, Lease: 30 * time.Second}
}

// Most that a Config may ask for: a queue is to be bounded in earnest.
const (
	maxCapacity = 10_000_000
	maxAttempts = 1000
	minLease    = 50 * time.Millisecond
	maxLease    = 24 * time.Hour
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`)

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var faults []error
	if !queueName.MatchString(c.Queue) || c.Queue == "." || c.Queue == ".." {
		faults = append(faults, fmt.Errorf("%s is %.100q (want 1 to 80 letters, digits, '-', '_' or '.')", "Queue", c.Queue))
	}
	for _, n := range []struct {
		name     string
		is, most int
	}{{"Capacity", c.Capacity, maxCapacity}, {"DeadCapacity", c.DeadCapacity, maxCapacity}, {"Attempts", c.Attempts, maxAttempts}} {
		if n.is < 1 || n.is > n.most {
			faults = append(faults, fmt.Errorf("%s is %d (want 1 to %d)", n.name, n.is, n.most))
		}
	}
	if c.Lease < minLease || c.Lease > maxLease {
		faults = append(faults, fmt.Errorf("%s is %v (want %v to %v)", "Lease", c.Lease, minLease, maxLease))
	}
	if len(faults) > 0 {
		return fmt.Errorf("queue settings: %w", errors.Join(faults...))
	}
	return nil
}

// Options say how to consume. The zero value is one worker that holds one
// message at a time and acknowledges it when it is done.
type Options struct {
	Workers    int    // handlers that run at once; 0: 1
	Prefetch   int    // messages held unacknowledged, of which Workers are being handled; 0: Workers
	AtMostOnce bool   // acknowledge before handling: a failure or a crash loses the message, and counts it
	Group      string // consumer group, where Caps.Replay; empty: the one that shares the work
}

const maxWorkers = 10_000

// Checked returns o with its defaults filled in, or what is wrong with it.
func (o Options) Checked() (Options, error) {
	if o.Workers == 0 {
		o.Workers = 1
	}
	if o.Prefetch == 0 {
		o.Prefetch = o.Workers
	}
	var faults []error
	if o.Workers < 1 || o.Workers > maxWorkers {
		faults = append(faults, fmt.Errorf("%s is %d (want 1 to %d)", "Workers", o.Workers, maxWorkers))
	}
	if o.Prefetch < 1 || o.Prefetch > maxWorkers {
		faults = append(faults, fmt.Errorf("%s is %d (want 1 to %d)", "Prefetch", o.Prefetch, maxWorkers))
	}
	if o.Group != "" && !queueName.MatchString(o.Group) {
		faults = append(faults, fmt.Errorf("%s is %.100q (want 1 to 80 letters, digits, '-', '_' or '.')", "Group", o.Group))
	}
	if len(faults) > 0 {
		return o, fmt.Errorf("consumer settings: %w", errors.Join(faults...))
	}
	return o, nil
}
