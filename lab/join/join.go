// Package join lets a service instance be a process of its own, on this machine
// or another, in a lab that runs elsewhere.
//
// What an instance has for itself is there: the HTTP server, the patterns with
// their state, its slots, its memory of sessions. What instances share stays
// where it is: the service's data behind the capacity gates is in the lab, and
// every request that the patterns let through is sent to it as a Call; a Redis is
// the same server for both. So an instance that joins can do all that one inside
// the lab does, and nothing is shared that only seems to be.
//
// All calls go from the process to the lab. In Sync it reports its figures and
// gets the lab's Plan: at once when there is a new one, and otherwise after a
// moment. A change is made when the process has reported that it was carried out.
package join

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/scenario"
	"workbench/lab/trace"
)

// ErrUnknown is wrapped when the lab does not know the process, or not any more.
var ErrUnknown = errors.New("the lab does not know this instance")

// Lab is what a process needs of the lab that it joins. Its methods are safe for
// concurrent use.
type Lab interface {
	Join(ctx context.Context, h Hello) (Welcome, error)
	// Sync reports and returns the plan. One whose Number is r.Seen is not new.
	Sync(ctx context.Context, who Member, r Report) (Plan, error)
	// Work does at the service what a request asks for that has passed the patterns.
	Work(ctx context.Context, who Member, c Call) (lab.Response, error)
}

// Hello is how a process introduces itself.
type Hello struct {
	Name    string `json:"name,omitempty"` // empty: the lab chooses one
	Host    string `json:"host"`           // the address, without a port, at which the balancer will reach it
	PID     int    `json:"pid"`
	Cert    []byte `json:"cert,omitempty"` // the only certificate to take for the instance's own, DER; empty: the balancer's requests come in the clear
	Version string `json:"version"`        // of the program: both sides must be of one
}

// Member says who calls.
type Member struct {
	Name string `json:"name"`
	Key  string `json:"key"` // the secret of its welcome
}

// Proof is what the process answers at ProofPath: that it has the key.
func (m Member) Proof() string {
	sum := sha256.Sum256([]byte("joined " + m.Name + " " + m.Key))
	return hex.EncodeToString(sum[:])
}

// ProofPath is where an instance shows that it is the one that joined, before it
// gets any request.
const ProofPath = "/joined"

// Welcome is the lab's answer to a Hello.
type Welcome struct {
	Member
	Pass  string `json:"pass"`  // what the balancer shows the instance with each request
	Redis string `json:"redis"` // URL of the Redis that all instances share
}

// Plan is what an instance shall be. Numbers grow with each change.
type Plan struct {
	Number uint64        `json:"number"`
	Run    uint64        `json:"run"` // of the lab; another one begins everything afresh
	Now    time.Duration `json:"now"` // on the run's clock, when this was sent; not part of what changes
	Ended  bool          `json:"ended,omitempty"`

	System    string            `json:"system"`
	Seed      uint64            `json:"seed"`
	Slots     []Slot            `json:"slots"`
	Instance  scenario.Instance `json:"instance"`
	Warm      bool              `json:"warm"` // it has been there before the run: it begins at full speed
	GateSlots int               `json:"gate_slots"`
	Service   time.Duration     `json:"service"` // mean, of the gate
	Control   string            `json:"control"` // what good answers to reads say of caches
	Trace     trace.Settings    `json:"trace"`   // what is recorded

	RedisDown bool          `json:"redis_down"` // the fault: refused at the instance's side too
	Draining  bool          `json:"draining"`   // says that it is not ready
	Closing   time.Duration `json:"closing"`    // the run ends: accepted work may go on for so long; 0: it does not end
	Released  bool          `json:"released"`   // no more requests come: the process that leaves may end
	Kill      bool          `json:"kill"`       // end at once, as a crash does
}

// Slot is one pattern as it shall stand.
type Slot struct {
	Pattern string         `json:"pattern"`
	State   lab.State      `json:"state"`
	Knobs   map[string]any `json:"knobs"`
	Epoch   uint64         `json:"epoch"` // grows whenever it is started afresh
}

// Report is how an instance stands.
type Report struct {
	Seen  uint64 `json:"seen"`            // the number of the last plan that came
	Done  uint64 `json:"done"`            // and of the last that was carried out
	Fault string `json:"fault,omitempty"` // why the last could not be
	Addr  string `json:"addr,omitempty"`  // host:port; empty until it listens

	Run      uint64                       `json:"run"` // whose figures follow
	Inside   int                          `json:"inside"`
	Accepted int                          `json:"accepted"` // work that goes on after its answer
	Busy     float64                      `json:"busy"`     // share of its slots' time in use since the last report
	Taken    float64                      `json:"taken"`    // share of its slots in use now
	Waiting  int                          `json:"waiting"`  // for its slots
	Gauges   map[string][]lab.Gauge       `json:"gauges,omitempty"`
	Counters map[string]map[string]uint64 `json:"counters,omitempty"` // of the run, by pattern and event

	Batch

	Leaving bool `json:"leaving,omitempty"` // the process was asked to end
	Gone    bool `json:"gone,omitempty"`    // its last words
}

// Batch is what a process has to tell of single requests since its last batch.
// One that is repeated counts once.
type Batch struct {
	Number    uint64           `json:"batch"`
	Sent      time.Time        `json:"sent"` // by the process's clock
	Answers   []Answer         `json:"answers,omitempty"`
	Missed    uint64           `json:"missed,omitempty"`     // answers for which there was no room
	Spans     []trace.Finished `json:"spans,omitempty"`      // at most trace.MaxSent
	LostSpans uint64           `json:"lost_spans,omitempty"` // for which there was no room
	Lines     []journal.Line   `json:"lines,omitempty"`      // of the log; at most journal.MaxCarried
	LostLines uint64           `json:"lost_lines,omitempty"`
}

// Full reports whether the process has so much to tell that it shall not be kept
// waiting.
func (b Batch) Full() bool { return len(b.Answers) > MaxAnswers/2 || len(b.Spans) > trace.MaxSent/2 }

// MaxAnswers is how many answers one report holds.
const MaxAnswers = 4096

// Answer is one request that the instance has answered.
type Answer struct {
	Op      uint8         `json:"op"`
	Outcome lab.Outcome   `json:"outcome"`
	Reason  lab.Reason    `json:"reason,omitempty"`
	Took    time.Duration `json:"took"`
	User    uint64        `json:"user"`
	ID      uint64        `json:"id"`
	Try     uint8         `json:"try,omitempty"`
	Trace   string        `json:"trace,omitempty"` // its number; empty: it was not followed
	Ago     time.Duration `json:"ago,omitempty"`   // since then, when the report was sent

	at time.Duration // on the process's clock
}

// Call is a request that has passed an instance's patterns, on its way to the
// service. Instants travel as what is left of them.
type Call struct {
	Run      uint64        `json:"run"`
	ID       uint64        `json:"id"`
	User     uint64        `json:"user"`
	IP       uint64        `json:"ip"`
	Token    uint64        `json:"token"`
	Key      uint64        `json:"key"`
	Op       uint8         `json:"op"`
	Priority lab.Priority  `json:"priority"`
	Read     bool          `json:"read"`
	Async    bool          `json:"async"`
	Try      uint8         `json:"try"`
	Body     []byte        `json:"body,omitempty"`
	Query    string        `json:"query,omitempty"`
	Once     string        `json:"once,omitempty"`
	Deadline time.Duration `json:"deadline"` // what is left; 0: there is none
	Patience time.Duration `json:"patience"`
	Trace    string        `json:"trace,omitempty"` // W3C Trace Context
}

// CallOf turns a request at now into a call.
func CallOf(run uint64, now time.Duration, r *lab.Request) Call {
	return Call{
		Run: run, ID: r.ID, User: r.User, IP: r.IP, Token: r.Token, Key: r.Key, Op: r.Op, Priority: r.Priority, Read: r.Read, Async: r.Async, Try: r.Try,
		Body: r.Body, Query: r.Query, Once: r.Once, Deadline: left(r.Deadline, now), Patience: left(r.Patience, now),
	}
}

// Request turns a call that has come at now back into a request.
func (c Call) Request(now time.Duration) *lab.Request {
	return &lab.Request{
		At: now, ID: c.ID, User: c.User, IP: c.IP, Token: c.Token, Key: c.Key, Op: c.Op, Priority: min(c.Priority, lab.High), Read: c.Read, Async: c.Async, Try: c.Try,
		Body: c.Body, Query: c.Query, Once: c.Once, Deadline: until(c.Deadline, now), Patience: until(c.Patience, now),
	}
}

// left returns how long it is until an instant; one that has passed is the least
// that there is, since 0 means that there is none.
func left(at, now time.Duration) time.Duration {
	if at == 0 {
		return 0
	}
	return max(1, at-now)
}

func until(left, now time.Duration) time.Duration {
	if left <= 0 {
		return 0
	}
	return now + left
}
