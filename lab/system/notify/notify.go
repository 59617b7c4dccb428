package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/store"
	"workbench/lab/system"
	"workbench/sim/clock"
)

// Schema brings the service's tables into being: what was asked for, and what
// the provider has sent.
const Schema = `
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_person ON messages (person, id DESC);`

// maxText is the longest message, in characters.
const maxText = 500

// Deps is what the service works with. All fields but Gates.Provider are needed.
type Deps struct {
	Write, Read *sql.DB // with Schema's tables; one connection writes
	Explain     func(context.Context, error) error
	Gates       system.Gates
	Clock       clock.Clock
	Counters    func(choice string) *lab.Counters
}

// Service is the service. It is safe for concurrent use. Use New.
type Service struct {
	deps Deps
	kind system.Kind

	mu     sync.Mutex
	ledger *ledger // guarded by mu
}

var _ system.System = (*Service)(nil)

// New returns the service with empty tables, or an error that names every
// missing dependency.
func New(ctx context.Context, d Deps) (*Service, error) {
	var faults []error
	for name, missing := range map[string]bool{
		"Write": d.Write == nil, "Read": d.Read == nil, "Explain": d.Explain == nil, "Gates.Gate": d.Gates.Gate == nil, "Clock": d.Clock == nil, "Counters": d.Counters == nil,
	} {
		if missing {
			faults = append(faults, errors.New("notify: Deps."+name+" is nil"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s := &Service{deps: d, kind: Kind(), ledger: newLedger(d.Counters)}
	for _, name := range []string{"requests", "messages"} {
		if _, err := d.Write.ExecContext(ctx, `DELETE FROM `+name); err != nil {
			return nil, fmt.Errorf("empty the tables of notifications: %w", d.Explain(ctx, err))
		}
	}
	return s, nil
}

// Ops implements system.System.
func (s *Service) Ops() []system.Op { return s.kind.Ops }

// Serve implements lab.Handler: what was asked for is written down first, then
// the provider is called, and what it has sent is written down as it answers.
func (s *Service) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if int(r.Op) >= len(s.kind.Ops) {
		return refuse(fmt.Errorf("%w: there is no operation %d", lab.ErrBad, r.Op))
	}
	text := fmt.Sprintf("Your code is %06d.", r.ID%1_000_000)
	if r.Op == Campaign {
		var err error
		if text, err = parseCampaign(r.Body); err != nil {
			return refuse(err)
		}
	}
	var body []byte
	s.enter(r, text)
	done := 0 // calls
	_, err := s.deps.Gates.Walk(ctx, s.kind, r, func(ctx context.Context, n int) (_ []byte, err error) {
		switch {
		case !there(r):
		case r.Op == Inbox:
			body, err = s.inbox(ctx, r.Key)
		case n == 0:
			err = s.asked(ctx, r, text)
		}
		done = n + 1
		return nil, err
	})
	if err == nil && there(r) && r.Op != Inbox {
		body, err = s.send(ctx, r, text)
	} else if err != nil {
		s.left(r, done, err)
	}
	if errors.Is(err, store.ErrSpace) || errors.Is(err, store.ErrReadOnly) {
		err = fmt.Errorf("%w: %w", lab.ErrSpace, err)
	}
	res := lab.Answer(body, err)
	res.Missing = err == nil && !there(r)
	return res
}

// enter decides what is to be done for a request.
func (s *Service) enter(r *lab.Request, text string) {
	r.Choices[placeErrand] = nil
	if there(r) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ledger.enter(s.deps.Clock.Now(), r, r.Once, text)
	}
}

// left takes it back: the calls came to nothing.
func (s *Service) left(r *lab.Request, done int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.left(s.deps.Clock.Now(), r, done, lab.Answer(nil, err))
}

// refuse answers a request that is itself wrong, and says why.
func refuse(err error) lab.Response {
	res := lab.Answer(nil, err)
	res.Body = []byte(err.Error())
	return res
}

func (s *Service) asked(ctx context.Context, r *lab.Request, text string) error {
	if _, err := s.deps.Write.ExecContext(ctx, `INSERT INTO requests (person, kind, text) VALUES (?, ?, ?)`, int64(r.Key), s.kind.Ops[r.Op].Name, text); err != nil {
		return fmt.Errorf("write down what is to be sent: %w", s.deps.Explain(ctx, err))
	}
	return nil
}

// send is the provider that the request went to: it takes the messages, or knows
// their key.
func (s *Service) send(ctx context.Context, r *lab.Request, text string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, n := errandOf(r), 0
	tell := func(person uint64, text string) error {
		n++
		if _, err := s.deps.Write.ExecContext(ctx, `INSERT INTO messages (person, text) VALUES (?, ?)`, int64(person), text); err != nil {
			return fmt.Errorf("write down what was sent: %w", s.deps.Explain(ctx, err))
		}
		return nil
	}
	sent := s.ledger.done(s.deps.Clock.Now(), r, r.Once)
	for i, person := range e.due {
		if err := tell(person, e.piles[i].say()); err != nil {
			return nil, err
		}
	}
	people := e.told
	for i := uint64(0); sent && !e.digest && i < uint64(messages(r)); i++ {
		people = append(people, (r.Key-1+i)%People+1)
	}
	for _, person := range people {
		if err := tell(person, text); err != nil {
			return nil, err
		}
	}
	return fmt.Appendf(nil, `{"person":%d,"messages":%d,"sent_now":%d,"collected":%d}`, r.Key, messages(r), n, len(e.joined)), nil
}

// Message is one of an inbox.
type Message struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
}

func (s *Service) inbox(ctx context.Context, person uint64) ([]byte, error) {
	rows, err := s.deps.Read.QueryContext(ctx, `SELECT id, text FROM messages WHERE person = ? ORDER BY id DESC LIMIT 20`, int64(person))
	if err != nil {
		return nil, fmt.Errorf("read an inbox: %w", s.deps.Explain(ctx, err))
	}
	defer rows.Close()
	found := []Message{}
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.ID, &m.Text); err != nil {
			return nil, fmt.Errorf("read an inbox: %w", s.deps.Explain(ctx, err))
		}
		found = append(found, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read an inbox: %w", s.deps.Explain(ctx, err))
	}
	return json.Marshal(struct {
		Person   uint64    `json:"person"`
		Messages []Message `json:"messages"`
	}{person, found})
}

// parseCampaign reads the body of a campaign.
func parseCampaign(body []byte) (string, error) {
	var in struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", fmt.Errorf("%w: the body is not JSON like {\"text\":\"…\"}: %w", lab.ErrBad, err)
	}
	if in.Text == nil || *in.Text == "" {
		return "", fmt.Errorf("%w: text is missing (want at most %d characters)", lab.ErrBad, maxText)
	}
	if n := utf8.RuneCountInString(*in.Text); n > maxText {
		return "", fmt.Errorf("%w: text has %d characters (want at most %d)", lab.ErrBad, n, maxText)
	}
	return *in.Text, nil
}
