// Package lab holds the words of the workbench: what a request is, what can
// become of it, and what a pattern must offer to stand in a service's chain.
//
// The same words are used by the live service and in virtual time. Nothing
// here does any work.
package lab

import (
	"context"
	"errors"
	"time"

	"workbench/sim/outcome"
)

// Outcome is what became of a request; see package outcome for the seven words.
type Outcome = outcome.Outcome

// The outcomes, repeated here so that patterns read naturally.
const (
	OK      = outcome.OK
	Stale   = outcome.Stale
	Limited = outcome.Limited
	Shed    = outcome.Shed
	Open    = outcome.Open
	Late    = outcome.Late
	Failed  = outcome.Failed
)

// Reason says in one word why a request was not served, such as "queue_full".
// It is a closed set: each pattern declares its own in Pattern.Reasons, and it
// is empty for a request that was served.
type Reason string

// Reasons that do not belong to a pattern.
const (
	ReasonBacklog  Reason = "backlog"   // the gate's backlog is full (Shed)
	ReasonDeadline Reason = "deadline"  // the deadline passed before or in service (Late)
	ReasonFault    Reason = "fault"     // the dependency answered with an error (Failed)
	ReasonDown     Reason = "down"      // the dependency cannot be reached (Failed)
	ReasonBad      Reason = "bad"       // the request itself is wrong (Failed)
	ReasonShutdown Reason = "shutdown"  // the service is stopping (Shed)
	ReasonSpace    Reason = "disk_full" // a write found no room, and nothing of it was done (Shed)
)

// Priority says how much a request matters when some must be refused.
type Priority uint8

// The priorities, least important first.
const (
	Low Priority = iota
	Normal
	High
)

// Request is one arrival at a service instance. The service fills it from the
// HTTP request (live) or the engine from the population (virtual). A pattern
// may lower Deadline and, where it is a choice of the service, set its Choice; it must not
// change anything else.
type Request struct {
	ID       uint64        // unique within a run, for traces
	At       time.Duration // when the instance received it, on the lab's clock
	Deadline time.Duration // when the service stops working on it, on the lab's clock; 0: never. Set by the timeout pattern alone
	Patience time.Duration // when the caller says it will give up, on the lab's clock; 0: unknown
	User     uint64        // who asks
	IP       uint64        // from where: a client address as a number
	Token    uint64        // by which API token
	Key      uint64        // for which item
	Op       uint8         // which operation: an index into the system's operations
	Priority Priority
	Read     bool  // no side effect: may be cached, joined and repeated
	Try      uint8 // 0 for a first attempt; the client's n-th retry otherwise
	Async    bool  // may be answered 202 and worked on later
	Body     []byte
	Origin   *Origin             // where it stands in its trace; nil: it is not followed
	Query    string              // of a real request, as it was sent; empty in virtual time
	Once     string              // the Idempotency-Key of a real request; empty: none. In virtual time ID>>8 is the same for all tries of one user
	Choices  [MaxChoices]*Choice // how the service shall do it; nil: the naive way. Set by the service's own choices alone
}

// Origin is where a request stands in its trace, in the words of W3C Trace
// Context. It is shared between copies of the request and never changed.
type Origin struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool
}

// CacheKey returns the key under which the answer may be shared between
// requests: operation and item together.
func (r *Request) CacheKey() uint64 {
	x := r.Key*0x9e3779b97f4a7c15 + uint64(r.Op) + 1
	x = (x ^ x>>31) * 0xbf58476d1ce4e5b9
	return x ^ x>>29
}

// Expired reports whether the service has given up on the request at now.
func (r *Request) Expired(now time.Duration) bool { return r.Deadline > 0 && now >= r.Deadline }

// Useless reports whether an answer at now would help nobody: the service's
// deadline or the caller's patience is over.
func (r *Request) Useless(now time.Duration) bool {
	return r.Expired(now) || r.Patience > 0 && now >= r.Patience
}

// End returns from when on an answer helps nobody: the service's deadline or the
// end of the caller's patience, whichever comes first; 0: that is not known.
func (r *Request) End() time.Duration {
	if r.Deadline == 0 || r.Patience > 0 && r.Patience < r.Deadline {
		return r.Patience
	}
	return r.Deadline
}

// Response is what a handler answers. The zero value is a fresh, empty OK.
// Body is shared between requests and must not be changed.
type Response struct {
	Outcome    Outcome
	Cached     bool   // came from a cache
	Accepted   bool   // 202: the work goes on; Location says where to look
	Missing    bool   // the item does not exist (404): an OK answer like any other
	Default    bool   // of a stale answer: it is the service's simpler one, the same for all, and no copy; it has no age
	Status     int    // of an OK answer that is neither 200, 202 nor 404, of one refused as bad that is not 400, or shed that is not 503; 0: those
	Reason     Reason // why not served; empty otherwise
	Location   string
	Body       []byte
	Age        time.Duration // how old a cached or stale answer is
	RetryAfter time.Duration // when asking again makes sense; 0: unknown
}

// Refuse returns the response of a pattern that turns a request away.
func Refuse(o Outcome, why Reason, retryAfter time.Duration) Response {
	return Response{Outcome: o, Reason: why, RetryAfter: retryAfter}
}

// Trouble reports whether the answer is a failure or a refusal that is not the
// request's own fault, nor its caller's: one who asks later may fare better.
func (r *Response) Trouble() bool {
	switch r.Outcome {
	case Shed, Open, Late:
		return true
	case Failed:
		return r.Reason != ReasonBad
	}
	return false
}

// Handler answers requests. It is safe for concurrent use, returns by the
// request's Deadline (to within a timer's accuracy), and ends early when ctx
// ends, which happens when the service stops: never because one client left.
type Handler interface {
	Serve(ctx context.Context, r *Request) Response
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, r *Request) Response

// Serve implements Handler.
func (f HandlerFunc) Serve(ctx context.Context, r *Request) Response { return f(ctx, r) }

// Errors by which the leaves of a service (gate, store, cache, broker) say
// what happened; Answer turns them into responses.
var (
	ErrLate = errors.New("the deadline passed")
	ErrFull = errors.New("the backlog is full")
	ErrDown = errors.New("the dependency cannot be reached")
	ErrFail = errors.New("the dependency answered with an error")
	ErrBad  = errors.New("the request is wrong")
	ErrStop = errors.New("the service is stopping")
	// ErrSpace is a refusal and not a failure: nothing was written, reading goes
	// on, and asking again makes sense once somebody has made room.
	ErrSpace = errors.New("the disk is full: free some space; reading still works")
)

// spaceWait is when to ask again after a full disk: people take longer than
// queues.
const spaceWait = 10 * time.Second

// Answer returns the response for a leaf's result: body for a nil error, and
// for every other error the outcome and reason it stands for.
func Answer(body []byte, err error) Response {
	switch {
	case err == nil:
		return Response{Body: body}
	case errors.Is(err, ErrLate), errors.Is(err, context.DeadlineExceeded):
		return Refuse(Late, ReasonDeadline, 0)
	case errors.Is(err, ErrFull):
		return Refuse(Shed, ReasonBacklog, time.Second)
	case errors.Is(err, ErrStop), errors.Is(err, context.Canceled):
		return Refuse(Shed, ReasonShutdown, time.Second)
	case errors.Is(err, ErrSpace):
		res := Refuse(Shed, ReasonSpace, spaceWait)
		res.Body = []byte(ErrSpace.Error())
		return res
	case errors.Is(err, ErrDown):
		return Refuse(Failed, ReasonDown, 0)
	case errors.Is(err, ErrBad):
		return Refuse(Failed, ReasonBad, 0)
	default:
		return Refuse(Failed, ReasonFault, 0)
	}
}
