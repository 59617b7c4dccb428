package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"workbench/lab/store"
)

// ErrForeign means that a replica may not be disturbed, because nobody has said
// that it is there for that.
var ErrForeign = errors.New("it is not marked as the workbench's to disturb: start that server with cluster_name=workbench (its name must begin so) if nobody else reads from it")

// Replica reads from a hot standby. It is safe for concurrent use. Use
// OpenReplica; Close it.
type Replica struct {
	*server
	own bool // it may be paused and delayed
}

const (
	selectReplica = `SELECT pg_is_in_recovery(), current_setting('cluster_name')`
	selectApplied = `SELECT coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint`
	selectSystem  = `SELECT system_identifier::text FROM pg_control_system()`
)

// OpenReplica reaches the replica of primary at url. A replica of another
// server is refused. Its replay is resumed if an earlier workbench was killed
// while it was paused.
func OpenReplica(ctx context.Context, primary *Store, url string, o Options) (*Replica, error) {
	o.Schema = primary.schema
	r := &Replica{}
	var standby bool
	var name string
	var err error
	r.server, err = connect(ctx, "the replica", url, o, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, selectReplica).Scan(&standby, &name)
	})
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Replica, error) { return nil, errors.Join(err, r.server.close(nil)) }
	if !standby {
		return fail(fmt.Errorf("the replica at %s cannot be used: it is not in recovery, so it replicates nothing: give a hot standby of %s", r.Address(), primary.Address()))
	}
	// Who may not ask is believed.
	mine, unasked := system(ctx, r.server)
	theirs, unknown := system(ctx, primary.server)
	if unasked == nil && unknown == nil && mine != theirs {
		return fail(fmt.Errorf("the replica at %s cannot be used: it replicates another server than %s", r.Address(), primary.Address()))
	}
	if r.own = strings.HasPrefix(name, "workbench"); r.own {
		if err := r.Delay(ctx, 0); err != nil {
			return fail(fmt.Errorf("the replica at %s cannot be used: resume its replay: %w", r.Address(), err))
		}
	}
	return r, nil
}

func system(ctx context.Context, s *server) (id string, err error) {
	err = s.call(ctx, func(ctx context.Context) error { return s.pool.QueryRow(ctx, selectSystem).Scan(&id) })
	return id, err
}

// Name is the replica's address.
func (r *Replica) Name() string { return r.Address() }

// Applied is how far the replica has applied the primary's log.
func (r *Replica) Applied(ctx context.Context) (uint64, error) {
	var n int64
	err := r.call(ctx, func(ctx context.Context) error { return r.pool.QueryRow(ctx, selectApplied).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("position of %s: %w", r.Label(), err)
	}
	return uint64(n), nil
}

// Pause stops the replay, or lets it go on. It is ErrForeign for a replica that
// is not ours.
func (r *Replica) Pause(ctx context.Context, on bool) error {
	if on {
		return r.disturb(ctx, "SELECT pg_wal_replay_pause()")
	}
	return r.disturb(ctx, "SELECT pg_wal_replay_resume()")
}

// Delay has each commit applied so long after it was made; 0 ends it, and a
// pause with it. It is ErrForeign for a replica that is not ours.
func (r *Replica) Delay(ctx context.Context, by time.Duration) error {
	set := "ALTER SYSTEM SET recovery_min_apply_delay = '" + strconv.FormatInt(by.Milliseconds(), 10) + "ms'"
	if by <= 0 {
		set = "ALTER SYSTEM RESET recovery_min_apply_delay"
	}
	return r.disturb(ctx, set, "SELECT pg_reload_conf()", "SELECT pg_wal_replay_resume()")
}

func (r *Replica) disturb(ctx context.Context, queries ...string) error {
	if !r.own {
		return fmt.Errorf("replica %s: %w", r.Name(), ErrForeign)
	}
	for _, q := range queries {
		if err := r.call(ctx, func(ctx context.Context) error {
			_, err := r.pool.Exec(ctx, q, pgx.QueryExecModeSimpleProtocol)
			return err
		}); err != nil {
			return fmt.Errorf("replica %s: %w", r.Name(), err)
		}
	}
	return nil
}

// Close lets a replica that is ours go on as before and closes the connections.
func (r *Replica) Close() error {
	var err error
	if r.own && r.Up() {
		if err = r.Delay(context.Background(), 0); errors.Is(err, store.ErrDown) {
			err = nil // the next that opens it sees to it
		}
	}
	return errors.Join(err, r.server.close(nil))
}
