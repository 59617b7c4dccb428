package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/postgres"
	"workbench/lab/store/replica"
	"workbench/lab/store/sqlite"
	"workbench/sim/clock"
)

// database is what keeps the service's data: a SQLite file or a PostgreSQL.
type database interface {
	replica.Source
	Reset(ctx context.Context) error
	Seed(ctx context.Context, n int) error
	Close() error
}

// data is the service's database with its replicas. Its methods are safe for
// concurrent use. Those of SQLite are files that exist while they are read;
// those of PostgreSQL are servers, for as long as the lab runs.
type data struct {
	log      *slog.Logger
	dir      string
	label    string // "SQLite", "PostgreSQL 15.18 · 127.0.0.1:5432"
	degraded string // why another database than that asked for serves; empty: it is that
	file     *sqlite.Store
	server   *postgres.Store // nil: the file serves
	standbys []*postgres.Replica
	router   atomic.Pointer[replica.Router]

	mu    sync.Mutex         // held while replicas are made, ended or made to lag
	files []*sqlite.Follower // guarded by mu
	lag   *time.Duration     // guarded by mu; nil: none but their own
	prune context.CancelFunc // guarded by mu; ends the pruning of the file's log
	tidy  sync.WaitGroup

	counting sync.Mutex
	past     replica.Stats // guarded by counting; of routers that are no more
}

// fileReplicas is how many files follow the SQLite file when replicas are read.
const fileReplicas = 2

// openData opens the database that cfg names, and SQLite when that cannot be
// used, which the log and the diagram say.
func openData(ctx context.Context, cfg Config) (*data, error) {
	// Services with tables of their own keep them there, whatever database it is.
	if err := os.RemoveAll(filepath.Join(cfg.Dir, "service")); err != nil {
		return nil, fmt.Errorf("empty the service's directory: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "service"), 0o700); err != nil {
		return nil, fmt.Errorf("make the service's directory: %w", err)
	}
	d := &data{log: cfg.Log, dir: filepath.Join(cfg.Dir, "service"), label: "SQLite", prune: func() {}}
	if cfg.Postgres != "" {
		err := d.connect(ctx, cfg)
		if err == nil {
			return d, d.route(nil)
		}
		cfg.Log.Error("no PostgreSQL: SQLite takes its place", "error", err)
		d.degraded = "in place of PostgreSQL: " + err.Error()
	} else if len(cfg.Replicas) > 0 {
		cfg.Log.Error("replicas of PostgreSQL without its primary are not used: give --postgres too")
		d.degraded = "replicas of PostgreSQL without its primary are not used: give --postgres too"
	}
	var err error
	if d.file, err = sqlite.Open(ctx, filepath.Join(d.dir, "profiles.db")); err != nil {
		return nil, err
	}
	if err := d.file.Seed(ctx, profiles); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the service's database: %w", err), d.file.Close())
	}
	return d, d.route(nil)
}

// connect reaches the primary, fills it, and reaches what it can of the
// replicas: without one of them the lab runs, and says so.
func (d *data) connect(ctx context.Context, cfg Config) error {
	s, err := postgres.Open(ctx, cfg.Postgres, postgres.Options{Log: cfg.Log})
	if err != nil {
		return err
	}
	if err := s.Seed(ctx, profiles); err != nil {
		return errors.Join(err, s.Close())
	}
	d.server, d.label = s, s.Label()
	for _, url := range cfg.Replicas {
		r, err := postgres.OpenReplica(ctx, s, url, postgres.Options{Log: cfg.Log})
		if err != nil {
			cfg.Log.Error("a replica is not used", "error", err)
			d.degraded = "a replica is not used: " + err.Error()
			continue
		}
		d.standbys = append(d.standbys, r)
	}
	cfg.Log.Info("database open", "label", d.label, "replicas", len(d.standbys))
	return nil
}

func (d *data) primary() database {
	if d.server != nil {
		return d.server
	}
	return d.file
}

// up reports whether the database answers.
func (d *data) up() bool { return d.server == nil || d.server.Up() }

// Profile implements profile.Store.
func (d *data) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	return d.router.Load().Profile(ctx, id)
}

// UpdateProfile implements profile.Store.
func (d *data) UpdateProfile(ctx context.Context, id uint64, bio string) (int64, error) {
	return d.router.Load().UpdateProfile(ctx, id, bio)
}

// Report implements profile.Store.
func (d *data) Report(ctx context.Context, id uint64) ([]byte, error) {
	return d.router.Load().Report(ctx, id)
}

// FinishJob implements profile.Store.
func (d *data) FinishJob(ctx context.Context, id, key uint64, result []byte) (bool, error) {
	return d.router.Load().FinishJob(ctx, id, key, result)
}

// begin makes the data as if no run had been before, with n profiles. A server
// that is away is no reason not to begin: requests are told that it is.
func (d *data) begin(ctx context.Context, n int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.primary().Reset(ctx)
	if err == nil {
		err = d.primary().Seed(ctx, n)
	}
	if errors.Is(err, store.ErrDown) {
		d.log.Warn("database not reset before the run", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	return d.arrange(ctx, d.router.Load().Settings(), true)
}

// set changes the settings by name.
func (d *data) set(ctx context.Context, s replica.Settings) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.can(s); err != nil {
		return err
	}
	return d.arrange(ctx, s, false)
}

// can returns why the database cannot be set so. What it looks at never changes.
func (d *data) can(s replica.Settings) error {
	if s.Reads == replica.Replicas && d.server != nil && len(d.standbys) == 0 {
		return &FieldError{Field: "reads", Got: "replicas", Want: "primary: no replica was given at the start (--postgres-replica URL)"}
	}
	return nil
}

// arrange brings replicas and settings into line; after the primary was seeded
// files are made anew. d.mu must be held.
func (d *data) arrange(ctx context.Context, s replica.Settings, seeded bool) error {
	if d.server == nil {
		if len(d.files) > 0 && s.Reads == replica.Replicas && !seeded {
			return d.router.Load().Set(s)
		}
		return d.arrangeFiles(ctx, s)
	}
	r := d.router.Load()
	if len(r.Followers()) == 0 && len(d.standbys) > 0 {
		var all []replica.Follower
		for _, f := range d.standbys {
			all = append(all, f)
		}
		if err := d.route(all); err != nil {
			return err
		}
		r = d.router.Load()
	}
	if s.Reads == replica.Replicas && d.lag == nil { // else what was seeded would be missing for a moment
		if err := r.Catch(ctx); err != nil {
			d.log.Warn("replicas are behind", "error", err)
		}
	}
	return r.Set(s)
}

// arrangeFiles makes the files that follow anew, or ends them. They are copies,
// so that none has to catch up with what was seeded. d.mu must be held.
func (d *data) arrangeFiles(ctx context.Context, s replica.Settings) error {
	if err := d.endFiles(ctx); err != nil {
		return err
	}
	if s.Reads != replica.Replicas {
		return d.router.Load().Set(s)
	}
	if err := d.file.Log(ctx, true); err != nil {
		return err
	}
	var all []replica.Follower
	for i := range fileReplicas {
		name := fmt.Sprintf("replica %d", i+1)
		f, err := sqlite.Follow(ctx, d.file, name, filepath.Join(d.dir, fmt.Sprintf("replica-%d.db", i+1)))
		if err != nil {
			return errors.Join(err, d.endFiles(ctx))
		}
		d.files = append(d.files, f)
		all = append(all, f)
	}
	if err := d.route(all); err != nil {
		return err
	}
	r := d.router.Load()
	life, cancel := context.WithCancel(context.Background())
	d.prune = cancel
	d.tidy.Go(func() { d.pruneLog(life, r) })
	if d.lag != nil {
		if err := r.Lag(ctx, *d.lag); err != nil {
			return err
		}
	}
	return r.Set(s)
}

// endFiles ends the files that follow. d.mu must be held.
func (d *data) endFiles(ctx context.Context) error {
	if len(d.files) == 0 {
		return nil
	}
	d.prune()
	d.tidy.Wait()
	faults := []error{d.route(nil)}
	for _, f := range d.files {
		faults = append(faults, f.Close())
	}
	d.files = nil
	return errors.Join(append(faults, d.file.Log(ctx, false))...)
}

// pruneLog forgets each second what every file has applied.
func (d *data) pruneLog(ctx context.Context, r *replica.Router) {
	for wall := clock.NewWall(); wall.Wait(ctx, wall.Now()+time.Second) == nil; {
		if err := d.file.Prune(ctx, r.Applied()); err != nil && ctx.Err() == nil {
			d.log.Warn("log of the database not pruned", "error", err)
		}
	}
}

// route puts a router over these replicas in the place of the last one.
func (d *data) route(followers []replica.Follower) error {
	r, err := replica.New(d.primary(), followers, replica.Default())
	if err != nil {
		return err
	}
	d.counting.Lock()
	defer d.counting.Unlock()
	if old := d.router.Swap(r); old != nil {
		old.Close()
		d.past = d.past.Plus(old.Stats()) // but for calls inside
	}
	return nil
}

// delay has the replicas lag by so much.
func (d *data) delay(ctx context.Context, by time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.router.Load()
	if r.Settings().Reads != replica.Replicas {
		return fmt.Errorf("%w: no replica is read, so none can lag: let replicas answer reads first (PUT /api/lab/database, or the page Database)", ErrConflict)
	}
	if err := r.Lag(ctx, by); err != nil {
		if errors.Is(err, postgres.ErrForeign) {
			err = fmt.Errorf("%w: %w", ErrConflict, err)
		}
		return err
	}
	d.lag = &by
	return nil
}

// resume ends what delay began.
func (d *data) resume(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lag == nil {
		return nil
	}
	d.lag = nil
	return d.router.Load().Resume(ctx)
}

// stats returns the counts since the lab began.
func (d *data) stats() replica.Stats {
	d.counting.Lock()
	defer d.counting.Unlock()
	return d.past.Plus(d.router.Load().Stats())
}

// close ends the replicas, then the database.
func (d *data) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	faults := []error{d.endFiles(context.Background())}
	if r := d.router.Load(); r != nil {
		r.Close()
	}
	for _, r := range d.standbys {
		faults = append(faults, r.Close())
	}
	return errors.Join(append(faults, d.primary().Close())...)
}
