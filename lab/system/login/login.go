package login

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/store"
	"workbench/lab/system"
	"workbench/sim/clock"
)

// Schema brings the service's tables into being.
const Schema = `
CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (account INTEGER PRIMARY KEY, generation INTEGER NOT NULL, issued INTEGER NOT NULL, void INTEGER NOT NULL);`

// iterations of the hash. A real service takes some hundred thousand; what those
// would cost is the gate's to say.
const iterations = 50

// Deps is what the service works with. All fields are needed.
type Deps struct {
	Write, Read *sql.DB // with Schema's tables; one connection writes
	Explain     func(context.Context, error) error
	Gates       system.Gates
	Clock       clock.Clock
	Key         []byte // signs tokens; at least 16 bytes
	Counters    func(choice string) *lab.Counters
}

// Service is the service. It is safe for concurrent use. Use New.
type Service struct {
	deps  Deps
	kind  system.Kind
	count counts

	// What is believed of sessions without asking the table, so that a session
	// that ended and is still believed can be counted.
	mu    sync.Mutex
	known map[uint64]session // guarded by mu
}

var _ system.System = (*Service)(nil)

// New returns the service, with every account there and nobody signed in but by
// the tokens that all devices hold, or an error that names every missing
// dependency.
func New(ctx context.Context, d Deps) (*Service, error) {
	var faults []error
	for name, missing := range map[string]bool{
		"Write": d.Write == nil, "Read": d.Read == nil, "Explain": d.Explain == nil, "Gates.Gate": d.Gates.Gate == nil, "Clock": d.Clock == nil,
		"Key": len(d.Key) < 16, "Counters": d.Counters == nil,
	} {
		if missing {
			faults = append(faults, errors.New("login: Deps."+name+" is missing"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s := &Service{deps: d, kind: Kind(), count: newCounts(d.Counters), known: map[uint64]session{}}
	return s, s.seed(ctx)
}

// seed writes the accounts, once, and forgets every session.
func (s *Service) seed(ctx context.Context) error {
	tx, err := s.deps.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("seed accounts: %w", s.deps.Explain(ctx, err))
	}
	err = func() error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions`); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM accounts`).Scan(&n); err != nil || n >= Accounts {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO accounts (id, salt, hash) VALUES (?, ?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close() // the transaction's end closes it too
		for id := uint64(n) + 1; id <= Accounts; id++ {
			salt := binary.BigEndian.AppendUint64([]byte("salt"), id)
			hash, err := derive(password(id), salt)
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, int64(id), salt, hash); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		if undo := tx.Rollback(); undo != nil {
			err = errors.Join(err, undo)
		}
		return fmt.Errorf("seed accounts: %w", s.deps.Explain(ctx, err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("seed accounts: %w", s.deps.Explain(ctx, err))
	}
	return nil
}

// password is what the simulated owner of an account types.
func password(id uint64) string { return "password of " + strconv.FormatUint(id, 10) }

func derive(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
}

// Ops implements system.System.
func (s *Service) Ops() []system.Op { return s.kind.Ops }

// Serve implements lab.Handler.
func (s *Service) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if int(r.Op) >= len(s.kind.Ops) {
		return refuse(fmt.Errorf("%w: there is no operation %d", lab.ErrBad, r.Op))
	}
	var secret string
	if r.Op == Login || r.Op == Guess {
		var err error
		if secret, err = parsePassword(r.Body); err != nil {
			return refuse(err)
		}
	}
	var found account
	var right bool
	var status int
	_, err := s.deps.Gates.Walk(ctx, s.kind, r, func(ctx context.Context, n int) (_ []byte, err error) {
		switch {
		case secret == "":
			status, err = s.session(ctx, r)
		case n == 0:
			found, err = s.account(ctx, r.Key)
		case n == 1:
			right, err = found.check(secret)
		case n == hashQuanta && right:
			in := *r
			in.Op = Login // also for a guess that was lucky
			status, err = s.session(ctx, &in)
		}
		return nil, err
	})
	switch {
	case errors.Is(err, store.ErrMissing):
		res := unknown(r)
		res.Body = []byte(`{"signed_in":false}`)
		return res
	case errors.Is(err, store.ErrSpace), errors.Is(err, store.ErrReadOnly):
		err = fmt.Errorf("%w: %w", lab.ErrSpace, err)
	case err == nil && secret != "" && !right:
		return lab.Response{Status: 401, Body: []byte(`{"signed_in":false}`)}
	}
	if err != nil {
		return lab.Answer(nil, err)
	}
	return lab.Response{Status: status, Body: s.body(r, status)}
}

// refuse answers a request that is itself wrong, and says why.
func refuse(err error) lab.Response {
	res := lab.Answer(nil, err)
	res.Body = []byte(err.Error())
	return res
}

// account is what is kept of a password.
type account struct{ salt, hash []byte }

// account reads one. There is one, of nobody, also where there is none, so that
// an answer takes as long.
func (s *Service) account(ctx context.Context, id uint64) (account, error) {
	var a account
	err := s.deps.Read.QueryRowContext(ctx, `SELECT salt, hash FROM accounts WHERE id = ?`, int64(id)).Scan(&a.salt, &a.hash)
	if errors.Is(err, sql.ErrNoRows) {
		return account{salt: []byte("nobody's"), hash: make([]byte, sha256.Size)}, nil
	}
	if err != nil {
		return a, fmt.Errorf("read account %d: %w", id, s.deps.Explain(ctx, err))
	}
	return a, nil
}

// check compares in constant time.
func (a account) check(password string) (bool, error) {
	got, err := derive(password, a.salt)
	if err != nil {
		return false, fmt.Errorf("%w: %w", lab.ErrBad, err)
	}
	return subtle.ConstantTimeCompare(got, a.hash) == 1, nil
}

// session lets a request do to a session what it does, in one transaction, or
// looks at the token alone where that is the choice.
func (s *Service) session(ctx context.Context, r *lab.Request) (status int, err error) {
	now := s.deps.Clock.Now()
	if r.Key < 1 || r.Key > Accounts {
		return 0, store.ErrMissing
	}
	if r.Op == Check && lab.Chosen[Signed](r, placeSigned) != nil {
		s.mu.Lock()
		x := s.known[r.Key]
		s.mu.Unlock()
		status, happened := x.step(r, now)
		s.count.add(happened)
		return status, nil
	}
	var happened []event
	if r.Op == Check {
		x, err := s.read(ctx, s.deps.Read, r.Key)
		if err != nil {
			return 0, err
		}
		status, happened = x.step(r, now)
		s.count.add(happened)
		return status, nil
	}
	x, err := s.change(ctx, r.Key, func(x *session) { status, happened = x.step(r, now) })
	if err != nil {
		return 0, err
	}
	s.count.add(happened)
	s.mu.Lock()
	s.known[r.Key] = x
	s.mu.Unlock()
	return status, nil
}

// change reads a session, changes it and writes it, all or nothing.
func (s *Service) change(ctx context.Context, id uint64, f func(*session)) (session, error) {
	fail := func(err error) (session, error) {
		return session{}, fmt.Errorf("session of account %d: %w", id, s.deps.Explain(ctx, err))
	}
	tx, err := s.deps.Write.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	x, err := s.read(ctx, tx, id)
	if err == nil {
		f(&x)
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (account, generation, issued, void) VALUES (?, ?, ?, ?)
			ON CONFLICT (account) DO UPDATE SET generation = excluded.generation, issued = excluded.issued, void = excluded.void`,
			int64(id), int64(x.generation), int64(x.issued), x.void)
	}
	if err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return fail(err)
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	return x, nil
}

// read returns a session; an account that nobody has touched has the one that
// its device began with.
func (s *Service) read(ctx context.Context, from interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, id uint64) (session, error) {
	var x session
	var issued int64
	err := from.QueryRowContext(ctx, `SELECT generation, issued, void FROM sessions WHERE account = ?`, int64(id)).Scan(&x.generation, &issued, &x.void)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return x, fmt.Errorf("session of account %d: %w", id, s.deps.Explain(ctx, err))
	}
	x.issued = time.Duration(issued)
	return x, nil
}

// body is what the answer says: whether somebody is signed in, and a token to
// whoever was given one.
func (s *Service) body(r *lab.Request, status int) []byte {
	in := status < 300
	if !in || r.Op == Check || r.Op == Logout {
		return fmt.Appendf(nil, `{"account":%d,"signed_in":%t}`, r.Key, in && r.Op != Logout)
	}
	mac := hmac.New(sha256.New, s.deps.Key)
	claim := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.Key), uint64(s.deps.Clock.Now()))
	mac.Write(claim)
	return fmt.Appendf(nil, `{"account":%d,"signed_in":true,"token":"%s.%s"}`, r.Key, hex.EncodeToString(claim), hex.EncodeToString(mac.Sum(nil)))
}

// maxPassword is the longest password, in bytes: what is hashed must be bounded.
const maxPassword = 200

// parsePassword reads the body of an attempt.
func parsePassword(body []byte) (string, error) {
	var in struct {
		Password *string `json:"password"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", fmt.Errorf("%w: the body is not JSON like {\"password\":\"…\"}: %w", lab.ErrBad, err)
	}
	if in.Password == nil || strings.TrimSpace(*in.Password) == "" {
		return "", fmt.Errorf("%w: password is missing", lab.ErrBad)
	}
	if len(*in.Password) > maxPassword {
		return "", fmt.Errorf("%w: password has %d bytes (want at most %d)", lab.ErrBad, len(*in.Password), maxPassword)
	}
	return *in.Password, nil
}
