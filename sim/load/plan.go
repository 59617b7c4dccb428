package load

import (
	"time"

	"workbench/sim/arrival"
	"workbench/sim/outcome"
	"workbench/sim/population"
	"workbench/sim/stat"
)

// Op is one operation of the service under load as an HTTP request. Path and
// Body may hold {key}, {user}, {n} (a number unique in the run) and {side}
// (buy and sell in turn).
type Op struct {
	Name     string `json:"name"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Body     string `json:"body,omitempty"`
	Priority string `json:"priority,omitempty"` // low, normal, high; empty means normal
	Once     bool   `json:"once,omitempty"`     // send an Idempotency-Key, the same with every try of one user
}

// Client is how the simulated users behave when they do not get an answer.
type Client struct {
	Timeout     time.Duration `yaml:"timeout" json:"timeout"`             // patience for each try; sent as the deadline header
	Retries     int           `yaml:"retries" json:"retries"`             // further tries after a late, refused or failed one
	Backoff     time.Duration `yaml:"backoff" json:"backoff"`             // first wait before a retry; 0: at once
	BackoffCap  time.Duration `yaml:"backoff_cap" json:"backoff_cap"`     // longest wait
	Jitter      bool          `yaml:"jitter" json:"jitter"`               // full jitter: wait a uniform draw from [0, backoff)
	Budget      float64       `yaml:"budget" json:"budget"`               // retries as a share of first tries; 0: no budget
	RetryAfter  bool          `yaml:"retry_after" json:"retry_after"`     // wait at least as long as the server asks
	ReadBps     int           `yaml:"read_bps" json:"read_bps,omitempty"` // bytes a second a slow client reads; 0: as fast as they come
	NoKeepAlive bool          `yaml:"no_keep_alive" json:"no_keep_alive,omitempty"`
}

// Plan is one run of traffic. Rates are what is really sent, already scaled.
type Plan struct {
	Target     string           `json:"target"` // host:port; loopback only
	Seed       uint64           `json:"seed"`
	Duration   time.Duration    `json:"duration"` // at most MaxDuration; may be extended while it runs
	Schedule   arrival.Schedule `json:"schedule"`
	Arrivals   string           `json:"arrivals"` // poisson (default), uniform, gpareto, mmpp
	Population population.Spec  `json:"population"`
	Ops        []Op             `json:"ops"`
	Client     Client           `json:"client"`
	Conns      int              `json:"conns"`       // at most MaxConns connections; default 256
	MaxPending int              `json:"max_pending"` // arrivals that may wait for a connection; default MaxPending
	Trace      Tracing          `json:"trace,omitzero"`
	Closed     bool             `json:"closed"` // closed loop: each connection sends as soon as it is answered (for contrast and benchmarks)
}

// The hard bounds of every run.
const (
	MaxRate     = 50_000 // requests a second
	MaxConns    = 4096
	MaxPending  = 65_536
	MaxDuration = 10 * time.Minute
)

// Change alters a run; nil fields stay as they are. It is applied whole or not
// at all.
type Change struct {
	Factor   *float64         `json:"factor,omitempty"`   // multiplies the schedule's rate from now on
	Schedule arrival.Schedule `json:"schedule,omitempty"` // replaces the schedule; its clock starts now
	Spike    *Spike           `json:"spike,omitempty"`    // a burst on top
	Client   *Client          `json:"client,omitempty"`
	Extend   *time.Duration   `json:"extend,omitempty"` // the run ends this long from now
	Trace    *Tracing         `json:"trace,omitempty"`
	Stop     bool             `json:"stop,omitempty"`
}

// Spike multiplies the rate by Factor for a while.
type Spike struct {
	Factor float64       `json:"factor"`
	For    time.Duration `json:"for"`
}

// Verdict says what limited the run in one second.
type Verdict string

// The verdicts.
const (
	Unlimited         Verdict = "none"       // everything offered was sent and answered
	GeneratorLimited  Verdict = "generator"  // the measurement is not to be trusted
	ConnectionLimited Verdict = "connection" // arrivals waited for a free connection
	ServiceLimited    Verdict = "service"    // the service was the bottleneck
)

// Frame is what happened in one tenth of a second. A user is one arrival with
// all its tries; a try is one HTTP request.
type Frame struct {
	T         time.Duration         `json:"t"`         // end of the window, since the run's start
	Offered   uint64                `json:"offered"`   // users that arrived
	Tries     uint64                `json:"tries"`     // HTTP requests begun, retries included
	Retries   uint64                `json:"retries"`   // of these, not the first of their user
	Denied    uint64                `json:"denied"`    // retries that the clients' budget held back
	Abandoned uint64                `json:"abandoned"` // arrivals dropped because pending was full
	Late      uint64                `json:"late"`      // first tries dispatched over 1 ms after they were due
	Outcomes  [outcome.Count]uint64 `json:"outcomes"`  // of users, when their last try ended
	ByTry     [outcome.Count]uint64 `json:"by_try"`    // of tries
	Cached    uint64                `json:"cached"`    // tries answered from a cache
	Reasons   map[string]uint64     `json:"reasons,omitempty"`
	ByOp      []OpCount             `json:"by_op"`           // indexed like Plan.Ops
	Victim    OpCount               `json:"victim"`          // users other than the abuser
	Response  stat.Delta            `json:"response"`        // due to done of served users
	Service   stat.Delta            `json:"service"`         // sent to done of each answered try
	Lag       stat.Delta            `json:"lag"`             // due to dispatched: the generator's own delay
	Inflight  int                   `json:"inflight"`        // tries on the wire now
	Pending   int                   `json:"pending"`         // arrivals waiting for a connection now
	Conns     int                   `json:"conns"`           // connections open now
	CPU       float64               `json:"cpu"`             // share of one core the generator used
	RSS       uint64                `json:"rss"`             // bytes resident in the generator
	Verdict   Verdict               `json:"verdict"`         // of the last whole second
	Wait      stat.Delta            `json:"wait"`            // dispatched to sent: no connection was free
	Expired   uint64                `json:"expired"`         // tries whose patience ended before a connection was free; never sent
	Cut       uint64                `json:"cut"`             // users still without an outcome when the run was stopped
	Merged    uint64                `json:"merged"`          // windows of 100 ms in this frame beyond the first: its reader was slow
	Spans     []TrySpan             `json:"spans,omitempty"` // tries that are traced; at most some dozens
	Done      bool                  `json:"done,omitempty"`
	Error     string                `json:"error,omitempty"` // why the run ended early
}

// OpCount counts the users of one operation or group.
type OpCount struct {
	Offered uint64     `json:"offered"`
	Good    uint64     `json:"good"`
	Latency stat.Delta `json:"latency"` // of the served
}
