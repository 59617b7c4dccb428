package notify

import (
	"time"

	"workbench/lab"
	"workbench/lab/system"
	"workbench/sim/load"
)

// The operations, as a request's Op.
const (
	Code     uint8 = iota // one message to person Key, who waits for it
	Campaign              // a message to each of Batch people
	Inbox                 // what person Key was told lately
)

// People is how many there are, from 1.
const People = 5000

// Batch is how many people a campaign's request is for.
const Batch = 5

// The places of the choices in a request.
const (
	placeDedupe = iota
	placeDigest
	placeFailover
	placeErrand // what the service has decided for one request; no choice of anybody's
)

// Dedupe gives the provider a key with each message, the same for every try, and
// does not take a message twice within the window.
type Dedupe struct {
	Window time.Duration `knob:"window" min:"1s" max:"24h" help:"for how long a key is remembered"`
}

// Digest makes one message of a campaign's messages to one person within a
// window, and lets messages to several people share one call of the provider.
type Digest struct {
	Window time.Duration `knob:"window" min:"1s" max:"1h" help:"after a message to a person, how long further ones are collected into the next"`
	Size   int           `knob:"size" unit:"messages" min:"1" max:"10" help:"messages, to different people, that go to the provider in one call"`
}

// Kind describes the service.
func Kind() system.Kind {
	return system.Kind{
		Name: "notify", Title: "Notifications", Line: "codes that somebody waits for, campaigns that nobody does, one provider",
		Gate: "Database", Provider: "Message provider", Second: "Second provider",
		Ops: Ops(), Choices: []lab.Pattern{dedupe(), digest(), failover()}, Visits: visits, Model: newModel,
	}
}

func dedupe() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "dedupe", Title: "Notify: one message a request", System: "notify", Line: "sends each message once, however often the request for it is repeated",
		Events: []string{"sent", "sent_twice", "deduplicated"},
	}, placeDedupe, func() Dedupe { return Dedupe{Window: time.Hour} })
}

func digest() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "digest", Title: "Notify: digests", System: "notify", Line: "one message to a person within a window, several people in one call",
		Events: []string{"campaign_calls", "collected", "digests"},
	}, placeDigest, func() Digest { return Digest{Window: time.Minute, Size: 10} })
}

// Ops returns the operations; index i describes Op i.
func Ops() []system.Op {
	return []system.Op{
		Code: {
			Op:    load.Op{Name: "send-code", Method: "POST", Path: "/people/{key}/code", Priority: "high", Once: true},
			Title: "Send a code", Priority: lab.High, Provider: true,
		},
		Campaign: {
			Op:    load.Op{Name: "send-campaign", Method: "POST", Path: "/campaigns/{key}", Body: `{"text":"Offer {n}."}`, Priority: "low", Once: true},
			Title: "Send a campaign", Priority: lab.Low, Provider: true, Async: true,
		},
		Inbox: {
			Op:    load.Op{Name: "read-inbox", Method: "GET", Path: "/people/{key}/inbox", Priority: "normal"},
			Title: "Read an inbox", Read: true, Priority: lab.Normal,
		},
	}
}

// visits is what each operation asks of the database and of the provider: what
// was decided as the request entered, or else what it is to ask of the first
// provider without a choice.
func visits(r *lab.Request, out []system.Visit) []system.Visit {
	out = append(out, system.Visit{Door: system.Gate, Times: 1})
	door, calls := system.Provider, messages(r)
	if e := errandOf(r); e != nil {
		calls = e.calls
		if e.second {
			door = system.Second
		}
	}
	if calls > 0 {
		out = append(out, system.Visit{Door: door, Times: calls})
	}
	return out
}

// messages returns how many people request r is to tell.
func messages(r *lab.Request) int {
	switch r.Op {
	case Code:
		return 1
	case Campaign:
		return Batch
	default:
		return 0
	}
}
