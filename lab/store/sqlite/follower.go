package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/store"
	"workbench/sim/clock"
)

// Follower is a second file that applies another's changes, later: what a read
// replica is to its primary, without a server. The lag is real: a change is not
// in this file before it has been applied. It is safe for concurrent use. Use
// Follow; Close it.
type Follower struct {
	name    string
	file    *Store // with the profiles as they were applied
	primary *Store
	path    string
	cancel  context.CancelFunc
	work    sync.WaitGroup

	applied atomic.Uint64 // position
	fault   atomic.Pointer[error]

	mu     sync.Mutex    // held while changes are applied, so that none is once Pause has returned
	paused bool          // guarded by mu
	delay  time.Duration // guarded by mu; the least age of a change that is applied
}

// followPoll is how often a follower looks for changes: the lag of one that is
// neither paused nor delayed.
const followPoll = 5 * time.Millisecond

// Follow copies primary, whose Log has to be on, into a new file at path and
// has it follow from there on. The copy is made while nothing is written:
// about a second for a million profiles.
func Follow(ctx context.Context, primary *Store, name, path string) (*Follower, error) {
	fail := func(err error) (*Follower, error) { return nil, fmt.Errorf("follow the store into %s: %w", path, err) }
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fail(err)
		}
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	if _, err := primary.write.ExecContext(ctx, "VACUUM INTO ?", full); err != nil {
		return fail(explain(ctx, err))
	}
	f := &Follower{name: name, primary: primary, path: full}
	if f.file, err = Open(ctx, full); err != nil {
		return fail(err)
	}
	at, err := f.file.Position(ctx)
	if err == nil {
		err = f.file.Log(ctx, false)
	}
	if err != nil {
		return fail(errors.Join(err, f.file.Close()))
	}
	f.applied.Store(at)
	life, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.work.Go(func() { f.follow(life) })
	return f, nil
}

// Name is the follower's name.
func (f *Follower) Name() string { return f.name }

// Up reports whether the follower follows: false once applying has failed.
func (f *Follower) Up() bool { return f.fault.Load() == nil }

// Err is why the follower no longer follows; nil while it does.
func (f *Follower) Err() error {
	if p := f.fault.Load(); p != nil {
		return *p
	}
	return nil
}

// Profile returns one profile as it was applied, or store.ErrMissing.
func (f *Follower) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	return f.file.Profile(ctx, id)
}

// Report sums up the profiles around one as they were applied.
func (f *Follower) Report(ctx context.Context, id uint64) ([]byte, error) {
	return f.file.Report(ctx, id)
}

// Applied is the position up to which changes are in the file.
func (f *Follower) Applied(context.Context) (uint64, error) { return f.applied.Load(), nil }

// Pause stops applying, or lets it go on.
func (f *Follower) Pause(_ context.Context, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = on
	return nil
}

// Delay has each change applied so long after it was made; 0 ends it, and a
// pause with it.
func (f *Follower) Delay(_ context.Context, by time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay, f.paused = max(0, by), false
	return nil
}

// follow applies changes until ctx ends or applying fails.
func (f *Follower) follow(ctx context.Context) {
	for wall := clock.NewWall(); ; {
		n, err := f.apply(ctx)
		if err != nil {
			if ctx.Err() == nil {
				f.fault.Store(&err)
			}
			return
		}
		if n == 0 && wall.Wait(ctx, wall.Now()+followPoll) != nil {
			return
		}
	}
}

// change is a row of the log.
type change struct {
	seq, profile uint64
	bio          string
	version      int64
}

// read returns what is next in the log and old enough.
func (f *Follower) read(ctx context.Context) (all []change, err error) {
	rows, err := f.primary.read.QueryContext(ctx, selectLog, f.applied.Load(), f.delay.Milliseconds())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c change
		if err := rows.Scan(&c.seq, &c.profile, &c.bio, &c.version); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// apply applies what is next, in one transaction, and returns how much it was.
func (f *Follower) apply(ctx context.Context) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paused {
		return 0, nil
	}
	all, err := f.read(ctx)
	if err != nil || len(all) == 0 {
		return 0, explain(ctx, err)
	}
	tx, err := f.file.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, explain(ctx, err)
	}
	defer tx.Rollback() // does nothing after Commit
	for _, c := range all {
		if _, err := tx.ExecContext(ctx, `UPDATE profiles SET bio = ?, version = ? WHERE id = ?`, c.bio, c.version, c.profile); err != nil {
			return 0, explain(ctx, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, explain(ctx, err)
	}
	f.applied.Store(all[len(all)-1].seq)
	return len(all), nil
}

// Close ends following and removes the file.
func (f *Follower) Close() error {
	f.cancel()
	f.work.Wait()
	err := f.file.Close()
	for _, end := range []string{"", "-wal", "-shm"} {
		if gone := os.Remove(f.path + end); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
