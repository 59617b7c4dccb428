// Package profile is the simplest demo service: read a member's profile, change
// it, ask for a report, submit a job. Every protection can be shown on it.
//
// The work is real (SQLite) and stands behind a gate that gives the database
// the capacity of a remote, contended one. Reports go to a downstream provider
// where the scenario has one.
package profile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/store"
	"workbench/lab/system"
	"workbench/sim/load"
)

// The operations, as a request's Op.
const (
	Read uint8 = iota
	Update
	Report
	Submit
)

// maxBio is the longest text of a profile, in characters.
const maxBio = 1000

// Ops returns the operations; index i describes Op i.
func Ops() []system.Op {
	return []system.Op{
		Read: {
			Op:    load.Op{Name: "read-profile", Method: "GET", Path: "/profiles/{key}", Priority: "normal"},
			Title: "Read a profile", Read: true, Priority: lab.Normal,
		},
		Update: {
			Op:    load.Op{Name: "update-profile", Method: "PUT", Path: "/profiles/{key}", Body: `{"bio":"Note {n} by member {user}."}`, Priority: "high"},
			Title: "Update a profile", Priority: lab.High,
		},
		Report: {
			Op:    load.Op{Name: "report", Method: "GET", Path: "/reports/{key}", Priority: "low"},
			Title: "Ask for a report", Read: true, Provider: true, Priority: lab.Low,
		},
		Submit: {
			Op:    load.Op{Name: "submit-job", Method: "POST", Path: "/jobs", Body: `{"profile":{key}}`, Priority: "low"},
			Title: "Submit a job", Async: true, Priority: lab.Low,
		},
	}
}

// Kind describes the service.
func Kind() system.Kind {
	return system.Kind{
		Name: "profile", Title: "Profiles", Line: "reads and changes members’ profiles, reports and jobs; every pattern shows on it",
		Gate: "Database", Provider: "Provider", Ops: Ops(), Simpler: simpler,
	}
}

// simpler is what a reader gets when the database is gone: whom they asked for
// and nothing of them. A report has no simpler form.
func simpler(r *lab.Request) []byte {
	if r.Op != Read {
		return nil
	}
	return append(strconv.AppendUint([]byte(`{"id":`), r.Key, 10), `,"default":true}`...)
}

// Store is what the service keeps its data in; see package storetest for what
// it promises.
type Store interface {
	Profile(ctx context.Context, id uint64) (store.Profile, error)
	UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error)
	Report(ctx context.Context, id uint64) ([]byte, error)
	FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error)
}

// Deps is what the service works with.
type Deps struct {
	Store    Store
	Gate     *gate.Gate // in front of the store
	Provider *gate.Gate // in front of reports; nil: they share Gate
}

// Profile is the service. It is safe for concurrent use. Use New.
type Profile struct{ deps Deps }

var _ system.System = (*Profile)(nil)

// New returns the service, or an error that names every missing dependency.
func New(d Deps) (*Profile, error) {
	var faults []error
	if d.Store == nil {
		faults = append(faults, errors.New("profile: Deps.Store is nil"))
	}
	if d.Gate == nil {
		faults = append(faults, errors.New("profile: Deps.Gate is nil"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if d.Provider == nil {
		d.Provider = d.Gate
	}
	return &Profile{deps: d}, nil
}

// Ops implements system.System.
func (p *Profile) Ops() []system.Op { return Ops() }

// Serve implements lab.Handler: it checks the request, waits at the gate and
// does the work there.
func (p *Profile) Serve(ctx context.Context, r *lab.Request) lab.Response {
	at := p.deps.Gate
	ctx = store.WithCaller(ctx, r.User)
	var work gate.Work
	switch r.Op {
	case Read:
		work = func(ctx context.Context) ([]byte, error) { return p.read(ctx, r.Key) }
	case Update:
		bio, err := parseBio(r.Body)
		if err != nil {
			return refuse(err)
		}
		work = func(ctx context.Context) ([]byte, error) { return p.update(ctx, r.Key, bio) }
	case Report:
		at = p.deps.Provider
		work = func(ctx context.Context) ([]byte, error) { return p.deps.Store.Report(ctx, r.Key) }
	case Submit:
		key, err := parseJob(r.Body)
		if err != nil {
			return refuse(err)
		}
		work = func(ctx context.Context) ([]byte, error) { return p.run(ctx, r.ID, key) }
	default:
		return refuse(fmt.Errorf("%w: there is no operation %d", lab.ErrBad, r.Op))
	}
	var missing bool
	body, err := at.Do(ctx, r, func(ctx context.Context) ([]byte, error) {
		body, err := work(ctx)
		if missing = errors.Is(err, store.ErrMissing); missing {
			return nil, nil // an answer like any other, and not a failure of the gate
		}
		if errors.Is(err, store.ErrSpace) || errors.Is(err, store.ErrReadOnly) {
			err = fmt.Errorf("%w: %w", lab.ErrSpace, err)
		}
		if errors.Is(err, store.ErrDown) {
			err = fmt.Errorf("%w: %w", lab.ErrDown, err)
		}
		return body, err
	})
	res := lab.Answer(body, err)
	// A late answer is late, whatever it would have said.
	res.Missing = err == nil && missing
	return res
}

// refuse answers a request that is itself wrong, and says why.
func refuse(err error) lab.Response {
	res := lab.Answer(nil, err)
	res.Body = []byte(err.Error())
	return res
}

func (p *Profile) read(ctx context.Context, id uint64) ([]byte, error) {
	found, err := p.deps.Store.Profile(ctx, id)
	if err != nil {
		return nil, err
	}
	return json.Marshal(found)
}

func (p *Profile) update(ctx context.Context, id uint64, bio string) ([]byte, error) {
	version, err := p.deps.Store.UpdateProfile(ctx, id, bio)
	if err != nil {
		return nil, err
	}
	body := strconv.AppendUint([]byte(`{"id":`), id, 10)
	body = strconv.AppendInt(append(body, `,"version":`...), version, 10)
	return append(body, '}'), nil
}

// run does job id: it writes down the report on key, once however often the
// job is delivered.
func (p *Profile) run(ctx context.Context, id, key uint64) ([]byte, error) {
	report, err := p.deps.Store.Report(ctx, key)
	if err != nil {
		return nil, err
	}
	first, err := p.deps.Store.FinishJob(ctx, id, key, report)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"job":%d,"profile":%d,"state":"done","first":%t}`, id, key, first), nil
}

// parseBio reads the body of an update.
func parseBio(body []byte) (string, error) {
	var in struct {
		Bio *string `json:"bio"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", fmt.Errorf("%w: the body is not JSON like {\"bio\":\"…\"}: %w", lab.ErrBad, err)
	}
	if in.Bio == nil {
		return "", fmt.Errorf("%w: bio is missing (want a text of at most %d characters)", lab.ErrBad, maxBio)
	}
	if n := utf8.RuneCountInString(*in.Bio); n > maxBio {
		return "", fmt.Errorf("%w: bio has %d characters (want at most %d)", lab.ErrBad, n, maxBio)
	}
	return *in.Bio, nil
}

// parseJob reads the body of a job: for which profile.
func parseJob(body []byte) (uint64, error) {
	var in struct {
		Profile *uint64 `json:"profile"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return 0, fmt.Errorf("%w: the body is not JSON like {\"profile\":7}: %w", lab.ErrBad, err)
	}
	if in.Profile == nil {
		return 0, fmt.Errorf("%w: profile is missing (want the number of a profile)", lab.ErrBad)
	}
	return *in.Profile, nil
}
